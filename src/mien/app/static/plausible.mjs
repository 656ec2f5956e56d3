// Which tracks of a video are people, after `mien.media.plausible` (whose "face" rule needs landmarks, which rows on the
// device don't have). Knows rows only.

// The next three are those of `mien.media.plausible` and of the project's own detectors (`mien.infer.detectors.table`).
const SEEN_FROM_S = 0.5;
const SURE_SCORE = 0.75;
const RESTLESS_BELOW = 1.5;

/** Rows {track, score, x1, y1, x2, y2} of a video, each with `plausible`: whether its whole track is. */
export function judged(rows, everyS, lengthS) {
  const tracks = new Map();
  for (const row of rows) {
    if (!tracks.has(row.track)) tracks.set(row.track, []);
    tracks.get(row.track).push(row);
  }
  const people = new Set();
  for (const [track, own] of tracks) if (isPerson(own, everyS, lengthS)) people.add(track);
  return rows.map((row) => ({ ...row, plausible: people.has(row.track) }));
}

function isPerson(rows, everyS, lengthS) {
  const seenS = rows.length * everyS;
  const score = rows.reduce((sum, row) => sum + row.score, 0) / rows.length;
  const sizes = rows.map((row) => Math.log(Math.max(1, Math.sqrt((row.x2 - row.x1) * (row.y2 - row.y1)))));
  const way = sizes.slice(1).reduce((sum, size, i) => sum + Math.abs(size - sizes[i]), 0);
  const net = Math.abs(sizes.at(-1) - sizes[0]);
  const neededS = Math.min(SEEN_FROM_S, lengthS / 2);
  return seenS >= neededS - 1e-6 && score >= SURE_SCORE && (way - net) / seenS < RESTLESS_BELOW;
}
