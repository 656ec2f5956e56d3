// Pictures as arrays: the same arithmetic as `mien.infer.crop` and `mien.infer.cut`, so that the page and Python agree.
//
// A picture is {data, width, height, channels}: Uint8, row by row. "bgr" pictures have 3 channels.

/** RGBA pixels of a canvas as blue-green-red. */
export function bgrOf(imageData) {
  const { data, width, height } = imageData;
  const out = new Uint8Array(width * height * 3);
  for (let i = 0, j = 0; j < out.length; i += 4, j += 3) {
    out[j] = data[i + 2];
    out[j + 1] = data[i + 1];
    out[j + 2] = data[i];
  }
  return { data: out, width, height, channels: 3 };
}

/** Luma as OpenCV computes it (BT.601 in 15 bits). */
export function grayOf(picture) {
  if (picture.channels === 1) return picture;
  const { data, width, height } = picture;
  const out = new Uint8Array(width * height);
  for (let i = 0, j = 0; i < out.length; i += 1, j += 3) {
    out[i] = (data[j] * 3735 + data[j + 1] * 19235 + data[j + 2] * 9798 + 16384) >> 15;
  }
  return { data: out, width, height, channels: 1 };
}

/** Nearest whole number, halves to the even one, as Python's round. */
export function roundEven(value) {
  const low = Math.floor(value);
  const rest = value - low;
  if (rest !== 0.5) return Math.round(value);
  return low % 2 === 0 ? low : low + 1;
}

/** As `cv2.resize`: by area where it shrinks, else bilinear; where only one side shrinks, OpenCV mixes the two. */
export function resize(picture, width, height) {
  if (picture.width === width && picture.height === height) return picture;
  if (picture.width >= width && picture.height >= height) return resizeArea(picture, width, height);
  const table = picture.width > width || picture.height > height ? mixedTable : linearTable;
  return resizeLinear(picture, width, height, table);
}

function resizeArea(picture, width, height) {
  const { data, channels } = picture;
  const columns = areaTable(picture.width, width);
  const rows = areaTable(picture.height, height);
  const out = new Uint8Array(width * height * channels);
  const sums = new Float32Array(width * channels);
  const line = new Float32Array(width * channels);
  for (let y = 0; y < height; y += 1) {
    sums.fill(0);
    for (let r = rows.start[y]; r < rows.start[y + 1]; r += 1) {
      areaRow(data, rows.from[r] * picture.width * channels, channels, columns, line);
      const weight = rows.weight[r];
      for (let i = 0; i < line.length; i += 1) sums[i] += line[i] * weight;
    }
    for (let i = 0; i < sums.length; i += 1) out[y * sums.length + i] = roundEven(sums[i]);
  }
  return { data: out, width, height, channels };
}

function areaRow(data, offset, channels, columns, line) {
  const width = columns.start.length - 1;
  for (let x = 0; x < width; x += 1) {
    for (let c = 0; c < channels; c += 1) {
      let sum = 0;
      for (let k = columns.start[x]; k < columns.start[x + 1]; k += 1) {
        sum += data[offset + columns.from[k] * channels + c] * columns.weight[k];
      }
      line[x * channels + c] = sum;
    }
  }
}

/** Which old pixels make up each new one, and by how much (OpenCV's computeResizeAreaTab). */
function areaTable(oldSize, newSize) {
  const scale = oldSize / newSize;
  const from = [];
  const weight = [];
  const start = [0];
  for (let i = 0; i < newSize; i += 1) {
    const begin = i * scale;
    const end = begin + scale;
    const width = Math.min(scale, oldSize - begin);
    const last = Math.min(Math.floor(end), oldSize - 1);
    const first = Math.min(Math.ceil(begin), last);
    if (first - begin > 1e-3) {
      from.push(first - 1);
      weight.push((first - begin) / width);
    }
    for (let k = first; k < last; k += 1) {
      from.push(k);
      weight.push(1 / width);
    }
    if (end - last > 1e-3) {
      from.push(last);
      weight.push(Math.min(Math.min(end - last, 1), width) / width);
    }
    start.push(from.length);
  }
  return { from, weight: Float32Array.from(weight), start };
}

/** Bilinear in OpenCV's fixed point: 11 bits for each coefficient. */
function resizeLinear(picture, width, height, table) {
  const { data, channels } = picture;
  const xs = table(picture.width, width, true);
  const ys = table(picture.height, height, false);
  const stride = picture.width * channels;
  const out = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y += 1) {
    const top = ys.low[y] * stride;
    const bottom = ys.high[y] * stride;
    for (let x = 0; x < width; x += 1) {
      for (let c = 0; c < channels; c += 1) {
        const left = xs.low[x] * channels + c;
        const right = xs.high[x] * channels + c;
        const above = data[top + left] * xs.a[x] + data[top + right] * xs.b[x];
        const below = data[bottom + left] * xs.a[x] + data[bottom + right] * xs.b[x];
        const mixed = ((ys.a[y] * (above >> 4)) >> 16) + ((ys.b[y] * (below >> 4)) >> 16);
        out[(y * width + x) * channels + c] = (mixed + 2) >> 2;
      }
    }
  }
  return { data: out, width, height, channels };
}

function linearTable(oldSize, newSize, across) {
  const scale = oldSize / newSize;
  return pairTable(oldSize, newSize, across, (i) => {
    const place = Math.fround((i + 0.5) * scale - 0.5);
    return [Math.floor(place), Math.fround(place - Math.floor(place))];
  });
}

function mixedTable(oldSize, newSize, across) {
  const scale = oldSize / newSize;
  return pairTable(oldSize, newSize, across, (i) => {
    const at = Math.floor(i * scale);
    const part = Math.fround(i + 1 - (at + 1) / scale);
    return [at, part <= 0 ? 0 : part - Math.floor(part)];
  });
}

/** Two old pixels and their weights for each new one; at the edges OpenCV treats columns and rows differently. */
function pairTable(oldSize, newSize, across, placeOf) {
  const [low, high, a, b] = Array.from({ length: 4 }, () => new Int32Array(newSize));
  for (let i = 0; i < newSize; i += 1) {
    let [at, part] = placeOf(i);
    if (across && (at < 0 || at >= oldSize - 1)) [at, part] = [at < 0 ? 0 : oldSize - 1, 0];
    low[i] = Math.min(Math.max(at, 0), oldSize - 1);
    high[i] = Math.min(Math.max(at + 1, 0), oldSize - 1);
    b[i] = roundEven(part * 2048);
    a[i] = roundEven(Math.fround(1 - part) * 2048);
  }
  return { low, high, a, b };
}

/** Picture whose longest side is at most `side`, and the factor by which it was multiplied. */
export function shrink(picture, side) {
  const longest = Math.max(picture.width, picture.height);
  if (longest <= side) return { small: picture, factor: 1 };
  const factor = side / longest;
  const width = Math.max(roundEven(picture.width * factor), 1);
  const height = Math.max(roundEven(picture.height * factor), 1);
  return { small: resize(picture, width, height), factor };
}

/** Picture with black at its right and lower edge, so that both sides are multiples of `multiple`. */
export function padded(picture, multiple) {
  const { data, width, height, channels } = picture;
  const wide = Math.ceil(width / multiple) * multiple;
  const high = Math.ceil(height / multiple) * multiple;
  if (wide === width && high === height) return picture;
  const out = new Uint8Array(wide * high * channels);
  for (let y = 0; y < height; y += 1) {
    out.set(data.subarray(y * width * channels, (y + 1) * width * channels), y * wide * channels);
  }
  return { data: out, width: wide, height: high, channels };
}

/** Square around a face that a crop shows: [x1, y1, x2, y2]. */
export function cropBox(box, spec) {
  const [x1, y1, x2, y2] = box;
  const side = Math.sqrt(Math.max(x2 - x1, 1) * Math.max(y2 - y1, 1));
  const half = (side * spec.margin) / 2;
  const cx = (x1 + x2) / 2;
  const cy = (y1 + y2) / 2 + side * spec.shift_y;
  return [cx - half, cy - half, cx + half, cy + half];
}

const REACH = 1.5; // side of the square that is cut for a turned crop, in sides of the crop

/** Crop of a face {box, landmarks}: S x S grey, or S x S x 3 red-green-blue. */
export function cropOf(picture, { box, landmarks }, spec) {
  const tilt = spec.align === "eyes" && landmarks ? tiltOf(landmarks) : 0;
  const turns = Math.abs(tilt) > (spec.least_tilt ?? 0);
  const shown = cropBox(box, spec);
  const part = region(picture, turns ? grown(shown, REACH) : shown);
  const side = turns ? roundEven(spec.size * REACH) : spec.size;
  const square = resize(spec.color === "gray" ? grayOf(part) : part, side, side);
  const crop = turns ? turned(square, tilt, spec.size) : square;
  if (spec.color === "gray") return crop.data;
  const out = crop.data.slice();
  for (let i = 0; i < out.length; i += 3) [out[i], out[i + 2]] = [out[i + 2], out[i]];
  return out;
}

/** @param {number[]} box */
function grown([x1, y1, x2, y2], scale) {
  const reach = ((x2 - x1) / 2) * scale;
  const [cx, cy] = [(x1 + x2) / 2, (y1 + y2) / 2];
  return [cx - reach, cy - reach, cx + reach, cy + reach];
}

/** Degrees by which a face is turned in the picture, clockwise, from its five landmarks. */
export function tiltOf([[rx, ry], [lx, ly], , [mx, my], [nx, ny]]) {
  const downX = (mx + nx - rx - lx) / 2;
  const downY = (my + ny - ry - ly) / 2;
  return (Math.atan2(ly - ry - downX, lx - rx + downY) * 180) / Math.PI;
}

/** Middle of a square, turned back by `tilt` degrees, bilinear. */
function turned({ data, width, channels }, tilt, size) {
  const cos = Math.cos((tilt * Math.PI) / 180);
  const sin = Math.sin((tilt * Math.PI) / 180);
  const middle = (width - 1) / 2;
  const out = new Uint8Array(size * size * channels);
  for (let to = 0; to < size * size; to += 1) {
    const across = (to % size) - (size - 1) / 2;
    const down = Math.floor(to / size) - (size - 1) / 2;
    const x = middle + cos * across - sin * down;
    const y = middle + sin * across + cos * down;
    const partX = x - Math.floor(x);
    const partY = y - Math.floor(y);
    for (let c = 0; c < channels; c += 1) {
      const at = (Math.floor(y) * width + Math.floor(x)) * channels + c;
      const under = at + width * channels;
      const above = data[at] * (1 - partX) + data[at + channels] * partX;
      const below = data[under] * (1 - partX) + data[under + channels] * partX;
      out[to * channels + c] = roundEven(above * (1 - partY) + below * partY);
    }
  }
  return { data: out, width: size, height: size, channels };
}

/** Pixels of a box, rounded to whole pixels; outside the picture the nearest pixel is repeated, or there is black. */
export function region(picture, box, black = false) {
  const { data, width, height, channels } = picture;
  const x1 = roundEven(box[0]);
  const y1 = roundEven(box[1]);
  const x2 = Math.max(roundEven(box[2]), x1 + 1);
  const y2 = Math.max(roundEven(box[3]), y1 + 1);
  const out = new Uint8Array((x2 - x1) * (y2 - y1) * channels);
  let to = 0;
  for (let y = y1; y < y2; y += 1) {
    const row = Math.min(Math.max(y, 0), height - 1);
    for (let x = x1; x < x2; x += 1) {
      const column = Math.min(Math.max(x, 0), width - 1);
      const from = (row * width + column) * channels;
      if (!black || (row === y && column === x)) for (let c = 0; c < channels; c += 1) out[to + c] = data[from + c];
      to += channels;
    }
  }
  return { data: out, width: x2 - x1, height: y2 - y1, channels };
}
