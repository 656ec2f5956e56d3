"""How large live pictures are on the visitor's device."""

_RUN = """async (frames) => {
  const { LiveSize } = await import('/static/sizes.mjs');
  const size = new LiveSize(640);
  return frames.map(([ms, now]) => {
    size.add(ms, now);
    return size.side;
  });
}"""


def _sides(page, *parts):
    """Sides after each part: so many frames of so many milliseconds from a time on, 33 ms apart."""
    frames, ends = [], []
    for count, ms, start in parts:
        frames += [(ms, start + 33 * i) for i in range(count)]
        ends.append(len(frames) - 1)
    sides = page.evaluate(_RUN, frames)
    return [sides[end] for end in ends]


def test_the_size_follows_the_speed(serve_quick, open_tab):
    """Quick devices look as closely as the server; slow ones go down, not below a half, and up again when there is
    room.
    """
    page = open_tab(serve_quick()).ready()

    assert _sides(page, (60, 20, 0)) == [640]
    assert _sides(page, (7, 50, 0), (1, 50, 231), (7, 50, 264), (1, 50, 495), (60, 90, 528)) == [
        640,
        480,
        480,
        320,
        320,
    ]
    assert _sides(page, (8, 50, 0), (60, 16, 300), (10, 16, 9000), (10, 11, 9500)) == [480, 480, 480, 640]
    assert _sides(page, (3, 500, 0), (60, 20, 1500)) == [640, 640]
