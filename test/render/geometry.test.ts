import { describe, expect, test } from 'vitest';
import { crop } from '#alohad/imaging/image.js';
import { area, centroid, flatScene, loadScene, picture, sameBytes } from './scene.js';

const RED = [255, 0, 0];
const GREEN = [0, 255, 0];
const BLUE = [0, 0, 255];

/** Vertical focal length of the full frame [px]. */
const focal = (fovyDegrees: number): number => 240 / Math.tan((fovyDegrees * Math.PI) / 360);

describe('projection', () => {
  test.each([
    [0, 2, 0],
    [0.5, 2, 0.3],
    [-0.7, 3, -0.4],
    [1.2, 4, 0.9],
  ])('a small ball at (%d, %d, %d) lands on its pixel', (x, y, z) => {
    const scene = loadScene(
      flatScene(
        `<geom type="sphere" size="0.02" pos="${x} ${y} ${z}" rgba="1 0 0 1"/>`,
        '<camera name="c" xyaxes="1 0 0 0 0 1" fovy="50"/>',
      ),
    );
    const [column, row] = centroid(scene.shoot({ camera: 'c' }), RED);
    expect(column).toBeCloseTo(320 + (focal(50) * x) / y, 0);
    expect(row).toBeCloseTo(240 - (focal(50) * z) / y, 0);
  });

  test('a camera on a moving body sees from where the body is', () => {
    const scene = loadScene(
      flatScene(
        `<geom type="sphere" size="0.05" pos="0 3 0" rgba="1 0 0 1"/>
         <body><joint type="slide" axis="1 0 0"/><inertial pos="0 0 0" mass="1" diaginertia="1 1 1"/>
         <camera name="c" xyaxes="1 0 0 0 0 1" fovy="50"/></body>`,
        '',
      ),
    );
    const [before] = centroid(scene.shoot({ camera: 'c' }), RED);
    const cameras: Float64Array = scene.data.cam_xpos;
    cameras[0] = 0.3;
    const [after] = centroid(scene.shoot({ camera: 'c' }), RED);
    expect(after - before).toBeCloseTo((-focal(50) * 0.3) / 3, 0);
  });
});

describe('depth', () => {
  const geoms = [
    '<geom type="box" size="0.5 0.1 0.5" pos="0 3 0" rgba="1 0 0 1"/>',
    '<geom type="box" size="0.1 0.1 0.1" pos="0 2 0" rgba="0 1 0 1"/>',
    '<geom type="box" size="0.5 0.5 0.5" pos="0 5 0" rgba="0 0 1 1"/>',
  ];
  test.each([
    [0, 1, 2],
    [2, 1, 0],
    [1, 2, 0],
  ])('the nearest is seen, whatever the order of geoms (%d %d %d)', (a, b, c) => {
    const order = [geoms[a], geoms[b], geoms[c]].join('');
    const shot = loadScene(flatScene(order, '<camera name="c" xyaxes="1 0 0 0 0 1" fovy="50"/>')).shoot({
      camera: 'c',
    });
    expect(shot.at(320, 240)).toEqual(GREEN);
    expect(shot.at(320 + 40, 240)).toEqual(RED);
    expect(area(shot, BLUE)).toBe(0);
  });
});

describe('silhouettes', () => {
  // Seen from 100 m through a narrow view, so that perspective hardly matters: 1 m is 480 / 2 px here.
  const fovy = (2 * Math.atan(1 / 100) * 180) / Math.PI;
  const side = `<camera name="side" pos="0 -100 0" xyaxes="1 0 0 0 0 1" fovy="${fovy}"/>`;
  const above = `<camera name="above" pos="0 0 100" xyaxes="1 0 0 0 1 0" fovy="${fovy}"/>`;
  const perSquareMetre = 240 ** 2;
  test.each([
    ['sphere', 'size="0.5"', Math.PI * 0.25, Math.PI * 0.25],
    ['capsule', 'size="0.2 0.4"', 0.4 * 0.8 + Math.PI * 0.04, Math.PI * 0.04],
    ['cylinder', 'size="0.3 0.5"', 0.6 * 1, Math.PI * 0.09],
    ['ellipsoid', 'size="0.6 0.2 0.4"', Math.PI * 0.24, Math.PI * 0.12],
    ['box', 'size="0.5 0.3 0.2"', 1 * 0.4, 1 * 0.6],
    ['mesh', 'mesh="wedge"', 0.5 * 0.8 * 0.6, 0.5 * 0.8 * 0.4],
  ])('%s covers its area', (type, size, fromSide, fromAbove) => {
    const asset = '<asset><mesh name="wedge" vertex="0 0 0 0.8 0 0 0 0.4 0 0 0 0.6"/></asset>';
    const scene = loadScene(flatScene(`<geom type="${type}" ${size} rgba="1 0 0 1"/>`, side + above, asset));
    // Within 1.5 %: the flat ends of long shapes are a little nearer than their middles.
    expect(
      Math.abs(area(scene.shoot({ camera: 'side' }), RED) / (fromSide * perSquareMetre) - 1),
    ).toBeLessThan(0.015);
    expect(
      Math.abs(area(scene.shoot({ camera: 'above' }), RED) / (fromAbove * perSquareMetre) - 1),
    ).toBeLessThan(0.015);
  });

  test.each(['12 34 56', '71 5 -40', '-20 80 33', '45 45 0'])(
    'a box at %s covers just the pixels within its outline',
    (euler) => {
      const scene = loadScene(
        flatScene(
          `<geom type="box" size="0.5 0.3 0.4" pos="0 2 0" euler="${euler}" rgba="1 0 0 1"/>`,
          '<camera name="c" xyaxes="1 0 0 0 0 1" fovy="50"/>',
        ),
      );
      const rotation: Float64Array = scene.data.geom_xmat;
      const corners = Array.from({ length: 8 }, (_, i) => {
        const local = [i & 1 ? 0.5 : -0.5, i & 2 ? 0.3 : -0.3, i & 4 ? 0.4 : -0.4];
        const [x = 0, y = 0, z = 0] = [0, 1, 2].map((row) =>
          local.reduce((sum, c, k) => sum + c * (rotation[3 * row + k] ?? 0), 0),
        );
        return [320 + (focal(50) * x) / (2 + y), 240 - (focal(50) * z) / (2 + y)] as const;
      });
      const shot = scene.shoot({ camera: 'c' });
      const depthWithin = outlineOf(corners);
      let wrong = 0;
      for (let row = 0; row < 480; row++) {
        for (let column = 0; column < 640; column++) {
          const depth = depthWithin(column + 0.5, row + 0.5);
          if (Math.abs(depth) > 0.01 && (shot.rgb[3 * (640 * row + column)] === 255) !== depth > 0) wrong++;
        }
      }
      expect(wrong).toBe(0);
    },
  );
});

/** How far a point lies within the convex outline of others [px]; negative outside. */
function outlineOf(points: readonly (readonly [number, number])[]): (x: number, y: number) => number {
  const sides = points
    .flatMap(([ax, ay]) =>
      points.map(([bx, by]) => ({ ax, ay, dx: bx - ax, dy: by - ay, length: Math.hypot(bx - ax, by - ay) })),
    )
    .filter(({ length }) => length > 0)
    .map(
      ({ ax, ay, dx, dy, length }) =>
        (x: number, y: number) =>
          (dx * (y - ay) - dy * (x - ax)) / length,
    )
    .filter((side) => points.every(([x, y]) => side(x, y) > -1e-9));
  return (x, y) => sides.reduce((depth, side) => Math.min(depth, side(x, y)), Infinity);
}

describe('near plane', () => {
  test('a floor that reaches behind the camera is cut where the near plane is', () => {
    // Floor 0.1 m below the camera, from 1 m behind to 9 m before it; near plane at 0.01 * extent = 0.01 m.
    const scene = loadScene(
      flatScene(
        '<geom type="box" size="20 5 0.05" pos="0 4 -0.15" rgba="1 0 0 1"/>',
        '<camera name="c" xyaxes="1 0 0 0 0 1" fovy="90"/>',
      ),
    );
    const shot = scene.shoot({ camera: 'c' });
    const horizon = 240 + (240 * 0.1) / 9;
    const wrong: string[] = [];
    for (let row = 0; row < 480; row++) {
      const expected = row + 0.5 > horizon ? 255 : 0;
      for (const column of [0, 100, 320, 639])
        if (shot.at(column, row)[0] !== expected) wrong.push(`${column}, ${row}`);
    }
    expect(wrong).toEqual([]);
  });

  test('the cut lies just at the near plane', () => {
    const scene = loadScene(
      flatScene(
        '<geom type="box" size="20 5 0.05" pos="0 4 -0.15" rgba="1 0 0 1"/>',
        '<camera name="c" xyaxes="1 0 0 0 0 1" fovy="90"/>',
      ).replace('znear="0.01"', 'znear="0.2"'),
    );
    // 0.1 m below at 0.2 m: half way down the lower half.
    const shot = scene.shoot({ camera: 'c' });
    for (const column of [0, 320, 639]) {
      expect(shot.at(column, 359)).toEqual(RED);
      expect(shot.at(column, 360)).toEqual([0, 0, 0]);
    }
  });

  test('what lies before the near plane is not drawn, what crosses it is opened', () => {
    const near = `<camera name="c" xyaxes="1 0 0 0 0 1" fovy="90"/>`;
    const scene = loadScene(
      flatScene('<geom type="sphere" size="0.004" pos="0 0.005 0" rgba="1 0 0 1"/>', near),
    );
    expect(area(scene.shoot({ camera: 'c' }), RED)).toBe(0);
    // The front of the lower box is cut away; back faces are not drawn, so one sees through it. The upper box shows its
    // left side.
    const open = loadScene(
      flatScene(
        `<geom type="box" size="0.035 0.0975 0.05" pos="0.03 0.1025 0" rgba="1 0 0 1"/>
         <geom type="box" size="0.025 0.0975 0.05" pos="0.055 0.1025 0.2" rgba="1 0 0 1"/>
         <geom type="box" size="9 0.1 9" pos="0 3 0" rgba="0 1 0 1"/>`,
        near,
      ),
    ).shoot({ camera: 'c' });
    expect(open.at(320, 240)).toEqual(GREEN);
    expect(area(open, RED)).toBeGreaterThan(4000);
  });
});

describe('regions of interest', () => {
  const scene = loadScene(
    flatScene(
      `<geom type="sphere" size="0.4" pos="0.2 2 0.1" rgba="1 0 0 1"/>
       <geom type="box" size="0.2 0.3 0.4" pos="-0.5 2.5 0" euler="10 20 30" rgba="0 1 0 1"/>`,
      '<camera name="c" xyaxes="1 0 0 0 0 1" fovy="50"/>',
    ),
  );
  test.each([
    { x: 100, y: 60, width: 320, height: 240 },
    { x: 0, y: 0, width: 640, height: 480 },
    { x: 251, y: 133, width: 97, height: 201 },
  ])('at the same scale equals a crop of the frame: $x $y $width $height', (region) => {
    const full = scene.shoot({ camera: 'c' });
    const part = scene.shoot({ camera: 'c', region, width: region.width, height: region.height });
    const same = crop(full, region).rgb;
    const wrong = part.rgb.reduce((count, value, i) => count + (value === same[i] ? 0 : 1), 0) / 3;
    expect(wrong / (region.width * region.height)).toBeLessThan(0.0005); // edges through a pixel's centre
  });

  test('a scaled region samples the frame at its pixels', () => {
    const region = { x: 200, y: 120, width: 256, height: 192 };
    const part = scene.shoot({ camera: 'c', region, width: 128, height: 96 });
    const [x, y] = centroid(scene.shoot({ camera: 'c', region, width: 256, height: 192 }), RED);
    const [smallX, smallY] = centroid(part, RED);
    expect(smallX * 2).toBeCloseTo(x, 0);
    expect(smallY * 2).toBeCloseTo(y, 0);
  });
});

describe('picture sizes', () => {
  const scene = loadScene(
    flatScene(
      '<geom type="sphere" size="0.9" pos="0 2 0" rgba="1 0 0 1"/>',
      '<camera name="c" xyaxes="1 0 0 0 0 1" fovy="50"/>',
    ),
  );
  test.each([
    [1, 1],
    [2, 3],
    [5, 7],
    [127, 95],
    [1280, 960],
  ])('%d x %d is filled, and nothing beyond it', (width, height) => {
    const bytes = new Uint8Array(width * height * 3 + 8).fill(123);
    scene.renderer.render(scene.data, { camera: 'c', width, height }, bytes.subarray(0, -8));
    const shot = picture(width, height, bytes.subarray(0, -8));
    expect([...bytes.subarray(-8)]).toEqual(Array.from({ length: 8 }, () => 123));
    expect(shot.at(Math.floor(width / 2), Math.floor(height / 2))).toEqual(RED);
    if (width > 2) expect(shot.at(0, 0)).toEqual([0, 0, 0]);
  });

  test('a picture is the same after the memory has grown for a greater one', () => {
    const before = scene.shoot({ camera: 'c', width: 64, height: 48 });
    scene.shoot({ camera: 'c', width: 2048, height: 1536 });
    expect(sameBytes(scene.shoot({ camera: 'c', width: 64, height: 48 }), before)).toBe(true);
  });
});
