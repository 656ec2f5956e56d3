// Where the tags of faces stand: beside a face, never on one, nor on one another. In a crowd they shrink.

/** @typedef {{x: number, y: number, width: number, height: number}} Box */
/** @typedef {{width: number, height: number}} Size */

/** @typedef {{form: number, x: number, y: number}} Place */

/** Places for tags: as many as can be, and alike: all begin with the fullest form that the most faces can have.
 * @param {Box[]} faces
 * @param {Size[][]} forms for each face the sizes of its tag, the fullest first; as many for each
 * @param {Size} bounds of the picture
 * @param {number} gap between a face and its tag
 * @returns {(Place | null)[]} null where there is no room for any form */
export function placeTags(faces, forms, bounds, gap) {
  let [best, most] = [faces.map(() => null), -1];
  for (let first = 0; first < (forms[0]?.length ?? 0); first += 1) {
    const places = placed(faces, forms, bounds, gap, first);
    const alike = places.filter((place) => place?.form === first).length;
    const worth = places.filter(Boolean).length * (faces.length + 1) + alike;
    if (worth > most) [best, most] = [places, worth];
    if (alike === faces.length) break;
  }
  return best;
}

/** Large faces first, with no fuller form than the one numbered `first`.
 * @returns {(Place | null)[]} */
function placed(faces, forms, bounds, gap, first) {
  /** @type {(Place | null)[]} */
  const places = faces.map(() => null);
  const taken = [...faces];
  const order = faces.map((_, i) => i).sort((a, b) => area(faces[b]) - area(faces[a]));
  for (const i of order) {
    const place = placeOf(faces[i], forms[i], bounds, gap, taken, first);
    places[i] = place;
    if (place) taken.push({ x: place.x, y: place.y, ...forms[i][place.form] });
  }
  return places;
}

const area = ({ width, height }) => width * height;

function placeOf(face, forms, bounds, gap, taken, first) {
  for (let form = first; form < forms.length; form += 1) {
    const size = forms[form];
    for (const [x, y] of around(face, size, bounds, gap)) {
      const inside = x >= 0 && y >= 0 && x + size.width <= bounds.width && y + size.height <= bounds.height;
      if (inside && !taken.some((other) => overlap({ x, y, ...size }, other))) return { form, x, y };
    }
  }
  return null;
}

/** Above, below, at the right, at the left. */
function around({ x, y, width, height }, size, bounds, gap) {
  const across = (at) => Math.min(Math.max(at, 0), bounds.width - size.width);
  const down = (at) => Math.min(Math.max(at, 0), bounds.height - size.height);
  const [above, below] = [y - size.height - gap, y + height + gap];
  const [right, left] = [x + width + gap, x - size.width - gap];
  const [lows, bottoms] = [across(x + width - size.width), down(y + height - size.height)];
  return [
    [across(x), above],
    [lows, above],
    [across(x), below],
    [lows, below],
    [right, down(y)],
    [left, down(y)],
    [right, bottoms],
    [left, bottoms],
  ];
}

function overlap(a, b) {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}
