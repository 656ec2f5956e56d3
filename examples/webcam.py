"""A camera or a video in, faces with all probabilities beside them in a window or in a new video.

python examples/webcam.py 0                   # camera 0, in a window (needs opencv-python); Esc ends it
python examples/webcam.py clip.mp4 read.mp4   # a video, to a new one
"""

import sys

import cv2

import mien
from mien.media.overlay import draw_panel
from mien.media.video_writer import VideoSink

source, out = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
sink = VideoSink(out, draw_panel, fps=30) if out else None
for frame, readings in mien.Analyzer().stream(mien.open_source(source)):
    print(f"{frame.time_s:6.2f} s", *(f"person {face.track}: {face.caption}" for face in readings))
    if sink:
        sink.write(frame, readings)
    else:
        cv2.imshow("mien", draw_panel(frame.image, readings))
        if cv2.waitKey(1) == 27:
            break
if sink:
    sink.close()
