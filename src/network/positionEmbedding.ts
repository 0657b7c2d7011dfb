/** Fixed sine position embeddings, as tables computed once. */

/** Temperature of the sine tables (Vaswani et al. 2017; DETR). */
const TEMPERATURE = 10000;

/** Position along a sequence, shape (length, d), row-major: sine and cosine alternate. Source: act detr_vae.py. */
export function sinePositions(length: number, d: number): Float32Array {
  const table = new Float32Array(length * d);
  for (let position = 0; position < length; position++)
    for (let i = 0; i < d; i++) table[position * d + i] = wave(position, i, d);
  return table;
}

/**
 * Position in an image, shape (height * width, d): the first half of d encodes the row, the second the column,
 * each counted from 1 and scaled to (0, 2 pi]. Source: act position_encoding.py (normalize=True).
 */
export function sinePositions2d(height: number, width: number, d: number): Float32Array {
  const half = d / 2;
  const table = new Float32Array(height * width * d);
  const epsilon = 1e-6;
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) {
      const offset = (row * width + column) * d;
      const y = ((row + 1) / (height + epsilon)) * 2 * Math.PI;
      const x = ((column + 1) / (width + epsilon)) * 2 * Math.PI;
      for (let i = 0; i < half; i++) {
        table[offset + i] = wave(y, i, half);
        table[offset + half + i] = wave(x, i, half);
      }
    }
  return table;
}

function wave(position: number, i: number, d: number): number {
  const angle = position / TEMPERATURE ** ((2 * Math.floor(i / 2)) / d);
  return i % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
}
