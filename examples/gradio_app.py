"""A Gradio page: a photograph or the webcam in, the annotated picture and the surest face's probabilities out.

pip install gradio && python examples/gradio_app.py
"""

import os

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr

import mien
from mien.media.overlay import annotated

analyzer = mien.Analyzer()


def read(picture):
    readings = analyzer.analyze(picture, color="rgb")
    drawn = annotated(picture[..., ::-1].copy(), readings)[..., ::-1]
    return drawn, readings[0].probabilities if readings else {"no face": 1.0}


demo = gr.Interface(read, gr.Image(label="Picture"), [gr.Image(label="Faces"), gr.Label(label="First face")])

if __name__ == "__main__":
    demo.launch()
