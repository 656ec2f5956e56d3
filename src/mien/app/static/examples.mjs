// Examples for a page without a camera or a file at hand: two photographs in the public domain, and a drawn clip.
// The photographs also make a live picture: side by side, moving a little.

import { bytesOf } from "./assets.mjs";

/** Addresses of the examples. */
export const EXAMPLES = ["static/example-collins.jpg", "static/example-hopper.jpg", "static/example-clip.webm"];

const [COLLINS, HOPPER, CLIP] = EXAMPLES;
const FPS = 20;
const [WIDTH, HEIGHT] = [680, 384]; // px
const ROOM = 1.06; // each photograph is so much larger than its half, so that it can move
const SWAY_S = 5;

/** Both photographs, as files.
 * @returns {Promise<File[]>} */
export async function photographs() {
  return [await fileOf(COLLINS, "eileen-collins.jpg", "image/jpeg"), await fileOf(HOPPER, "grace-hopper.jpg", "image/jpeg")];
}

/** The drawn clip, as a file. */
export const clip = () => fileOf(CLIP, "drawn-clip.webm", "video/webm");

async function fileOf(path, name, type) {
  return new File([await bytesOf(path)], name, { type });
}

/** The photographs as a camera's stream; where the visitor wants little motion they stand still.
 * @returns {Promise<MediaStream>} */
export async function exampleStream() {
  const pictures = await Promise.all((await photographs()).map((file) => createImageBitmap(file)));
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const canvas = Object.assign(document.createElement("canvas"), { width: WIDTH, height: HEIGHT });
  const context = canvas.getContext("2d", { alpha: false });
  const draw = () => {
    const turn = still ? 0 : (performance.now() / 1000 / SWAY_S) * 2 * Math.PI;
    pictures.forEach((picture, i) => half(context, picture, i, turn + 2 * i));
  };
  draw();
  const stream = canvas.captureStream(FPS);
  const timer = setInterval(() => {
    if (stream.active) return draw();
    clearInterval(timer);
    for (const picture of pictures) picture.close();
  }, 1000 / FPS);
  return stream;
}

function half(context, picture, i, turn) {
  const [width, height] = [(WIDTH / 2) * ROOM, HEIGHT * ROOM];
  const x = (i * WIDTH) / 2 - ((width - WIDTH / 2) * (1 + Math.sin(turn))) / 2;
  const y = -((height - HEIGHT) * (1 + Math.cos(0.7 * turn))) / 2;
  context.save();
  context.beginPath();
  context.rect((i * WIDTH) / 2, 0, WIDTH / 2, HEIGHT);
  context.clip();
  context.drawImage(picture, x, y, width, height);
  context.restore();
}
