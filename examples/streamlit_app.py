"""A Streamlit page with two parts, as the courseworks have it: Predict (photograph or camera) and Data (EDA).

pip install streamlit && streamlit run examples/streamlit_app.py
"""

import streamlit as st

import mien
from mien.data import read
from mien.media.overlay import annotated
from mien.pictures.decode import load_image

st.title("Facial expressions")
if st.sidebar.radio("Page", ["Predict", "Data"]) == "Predict":
    picture = st.file_uploader("A photograph") or (st.sidebar.toggle("Camera") and st.camera_input("Camera"))
    if picture:
        readings = mien.analyze(picture.getvalue())
        st.image(annotated(load_image(picture.getvalue()), readings), channels="BGR")
        for face in readings:
            st.write(f"**{face.caption}** {face.confidence:.0%}")
            st.bar_chart(face.probabilities)
elif source := st.text_input("Folder, CSV or Parquet of a data set"):
    data = read(source)
    st.bar_chart({label: int((data.label == i).sum()) for i, label in enumerate(data.labels)})
    st.image([data.load(i) for i in range(min(24, len(data)))], width=72)
st.caption("An expression is not an emotion: this says how faces look, not how people feel.")
