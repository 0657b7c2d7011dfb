/**
 * Triangle meshes of MuJoCo's primitive shapes in unit size. Front faces run counter-clockwise seen from outside.
 */

/** A triangle mesh: 3 numbers per vertex, a normal per vertex, 3 indices per triangle. */
export interface Geometry {
  readonly positions: Float32Array;
  readonly normals: Float32Array;
  readonly indices: Uint32Array;
}

type Point = readonly [number, number, number];

/** Collects a mesh from patches of a rectangular grid. */
class Grid {
  readonly #positions: number[] = [];
  readonly #normals: number[] = [];
  readonly #indices: number[] = [];

  /** Adds a patch; `at(u, v)` with u, v in 0..1 gives position and normal, and u x v must point outwards. */
  patch(
    columns: number,
    rows: number,
    at: (u: number, v: number) => { position: Point; normal: Point },
  ): this {
    const base = this.#positions.length / 3;
    for (let row = 0; row <= rows; row++) {
      for (let column = 0; column <= columns; column++) {
        const { position, normal } = at(column / columns, row / rows);
        this.#positions.push(...position);
        this.#normals.push(...normal);
      }
    }
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const i = base + row * (columns + 1) + column;
        const above = i + columns + 1;
        this.#triangle(i, i + 1, above + 1);
        this.#triangle(i, above + 1, above);
      }
    }
    return this;
  }

  /** Skips the triangles that a pole or the tip of a fan collapses to nothing. */
  #triangle(a: number, b: number, c: number): void {
    const same = (i: number, j: number): boolean =>
      [0, 1, 2].every(
        (k) => Math.abs((this.#positions[3 * i + k] ?? 0) - (this.#positions[3 * j + k] ?? 0)) < 1e-9,
      );
    if (!same(a, b) && !same(b, c) && !same(c, a)) this.#indices.push(a, b, c);
  }

  build(): Geometry {
    return {
      positions: Float32Array.from(this.#positions),
      normals: Float32Array.from(this.#normals),
      indices: Uint32Array.from(this.#indices),
    };
  }
}

/** Cells along a side of a floor, whose light is computed at their corners. */
const PLANE_CELLS = 32;

/** Rectangle of these half sizes in the xy plane, facing +z. */
export const plane = (x: number, y: number): Geometry =>
  new Grid()
    .patch(PLANE_CELLS, PLANE_CELLS, (u, v) => ({
      position: [x * (2 * u - 1), y * (2 * v - 1), 0],
      normal: [0, 0, 1],
    }))
    .build();

/** The same for a floor without end: cells grow with the cube of their distance from the middle. */
export const endlessPlane = (halfSize: number): Geometry =>
  new Grid()
    .patch(PLANE_CELLS, PLANE_CELLS, (u, v) => ({
      position: [halfSize * (2 * u - 1) ** 3, halfSize * (2 * v - 1) ** 3, 0],
      normal: [0, 0, 1],
    }))
    .build();

/** Cube of half size 1, each side cut into this many cells along x, y, z. */
export function box(cells: Point): Geometry {
  const grid = new Grid();
  for (const axis of [0, 1, 2]) {
    const [first, second] = [(axis + 1) % 3, (axis + 2) % 3];
    for (const side of [-1, 1]) {
      grid.patch(cells[first] ?? 1, cells[second] ?? 1, (u, v) => {
        const position: [number, number, number] = [0, 0, 0];
        const normal: [number, number, number] = [0, 0, 0];
        position[axis] = side;
        position[first] = side * (2 * u - 1);
        position[second] = 2 * v - 1;
        normal[axis] = side;
        return { position, normal };
      });
    }
  }
  return grid.build();
}

/** Unit sphere between two heights' angles (from -90 to 90 degrees), shifted along z. */
const sphereBand = (
  grid: Grid,
  slices: number,
  stacks: number,
  from: number,
  to: number,
  shift: number,
): Grid =>
  grid.patch(slices, stacks, (u, v) => {
    const azimuth = 2 * Math.PI * u;
    const elevation = from + (to - from) * v;
    const normal: Point = [
      Math.cos(elevation) * Math.cos(azimuth),
      Math.cos(elevation) * Math.sin(azimuth),
      Math.sin(elevation),
    ];
    return { position: [normal[0], normal[1], normal[2] + shift], normal };
  });

/** Unit sphere. */
export const sphere = (slices: number, stacks: number): Geometry =>
  sphereBand(new Grid(), slices, stacks, -Math.PI / 2, Math.PI / 2, 0).build();

/** Side of a cylinder of radius 1 and the given half length. */
const tube = (grid: Grid, slices: number, stacks: number, halfLength: number): Grid =>
  grid.patch(slices, stacks, (u, v) => {
    const azimuth = 2 * Math.PI * u;
    const normal: Point = [Math.cos(azimuth), Math.sin(azimuth), 0];
    return { position: [normal[0], normal[1], halfLength * (2 * v - 1)], normal };
  });

/** Cylinder of radius 1 and half length 1, with caps. */
export function cylinder(slices: number, stacks: number): Geometry {
  const grid = tube(new Grid(), slices, stacks, 1);
  for (const side of [-1, 1]) {
    grid.patch(slices, 1, (u, v) => {
      const azimuth = 2 * Math.PI * u * side;
      const radius = 1 - v;
      return {
        position: [radius * Math.cos(azimuth), radius * Math.sin(azimuth), side],
        normal: [0, 0, side],
      };
    });
  }
  return grid.build();
}

/** Capsule of radius 1 whose straight part has the given half length (in radii) and number of stacks. */
export function capsule(
  slices: number,
  stacks: number,
  halfLength: number,
  straightStacks: number,
): Geometry {
  const half = Math.max(1, Math.round(stacks / 2));
  const grid = tube(new Grid(), slices, straightStacks, halfLength);
  sphereBand(grid, slices, half, 0, Math.PI / 2, halfLength);
  sphereBand(grid, slices, half, -Math.PI / 2, 0, -halfLength);
  return grid.build();
}

/** The mesh stretched by (x, y, z); normals stay perpendicular. */
export function scaled(mesh: Geometry, size: Point): Geometry {
  const positions = mesh.positions.map((value, i) => value * (size[i % 3] ?? 1));
  const normals = mesh.normals.map((value, i) => value / (size[i % 3] ?? 1));
  for (let i = 0; i < normals.length; i += 3) {
    const length = Math.hypot(normals[i] ?? 0, normals[i + 1] ?? 0, normals[i + 2] ?? 0) || 1;
    for (let k = i; k < i + 3; k++) normals[k] = (normals[k] ?? 0) / length;
  }
  return { positions, normals, indices: mesh.indices };
}
