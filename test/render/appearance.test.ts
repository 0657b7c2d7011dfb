import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { blankImage, resize } from '#alohad/imaging/image.js';
import { decodePng, encodePng } from '#alohad/imaging/png.js';
import { difference, flatScene, forward, loadScene, putFile, sameBytes } from './scene.js';

const fixture = (name: string): URL => new URL(`fixtures/${name}`, import.meta.url);
const primitives = readFileSync(fixture('primitives.xml'), 'utf8');
const CAMERA = '<camera name="c" xyaxes="1 0 0 0 0 1" fovy="50"/>';

describe("against MuJoCo's own renderer", () => {
  const scene = loadScene(primitives);
  // Measured differences are 0.2, 1.1 and 2.0 (of 255): colours are interpolated without perspective here.
  test.each([
    ['front', 0.4],
    ['above', 1.3],
    ['close', 2.2],
  ])('%s differs by less than %d', (camera, limit) => {
    const small = resize(scene.shoot({ camera }), 80, 60);
    expect(difference(small.rgb, decodePng(readFileSync(fixture(`${camera}.png`))).rgb)).toBeLessThan(limit);
  });

  test('geoms of group 3 are not drawn', () => {
    expect(
      loadScene(primitives.replace('group="3"', 'group="2"')).shoot({ camera: 'front' }).rgb,
    ).not.toEqual(scene.shoot({ camera: 'front' }).rgb);
  });
});

describe('repetition', () => {
  test('the same state gives the same bytes, in any renderer', () => {
    const first = loadScene(primitives);
    const shot = first.shoot({ camera: 'front' });
    first.shoot({ camera: 'above', width: 100, height: 75 });
    expect(sameBytes(first.shoot({ camera: 'front' }), shot)).toBe(true);
    expect(sameBytes(loadScene(primitives).shoot({ camera: 'front' }), shot)).toBe(true);
  });
});

describe('supersampling', () => {
  test('is the mean of a picture of twice the size', () => {
    const plain = loadScene(primitives, { supersample: false });
    const large = plain.shoot({ camera: 'front', width: 320, height: 240 });
    const smooth = loadScene(primitives, { supersample: true }).shoot({
      camera: 'front',
      width: 160,
      height: 120,
    });
    const mean = resize(large, 160, 120);
    expect(Buffer.compare(smooth.rgb, mean.rgb)).toBe(0);
  });

  test('is the default for small pictures only', () => {
    const usual = loadScene(primitives, {});
    const small = { camera: 'front', width: 320, height: 240 };
    expect(sameBytes(usual.shoot(small), loadScene(primitives, { supersample: true }).shoot(small))).toBe(
      true,
    );
    expect(
      sameBytes(usual.shoot({ camera: 'front' }), loadScene(primitives).shoot({ camera: 'front' })),
    ).toBe(true);
  });
});

describe('shadows', () => {
  const xml = `
    <mujoco>
      <statistic extent="2" center="0 0 0"/>
      <visual><headlight ambient="0.2 0.2 0.2" diffuse="0 0 0" specular="0 0 0"/></visual>
      <worldbody>
        <light directional="true" dir="1 0 -1" diffuse="0.8 0.8 0.8" specular="0 0 0"/>
        <geom type="box" size="1 1 0.05" pos="0 0 -0.05" rgba="1 1 1 1"/>
        <body><joint type="slide" axis="1 0 0"/>
          <geom type="box" size="0.1 0.1 0.1" pos="0 0 0.5" mass="1" rgba="1 1 1 1"/></body>
        <camera name="above" pos="0 0 4" xyaxes="1 0 0 0 1 0" fovy="40"/>
      </worldbody>
    </mujoco>`;
  const lit = loadScene(xml).shoot({ camera: 'above' });
  const scene = loadScene(xml, { supersample: false, shadows: true });
  const perMetre = 240 / Math.tan((20 * Math.PI) / 180) / 4;

  test('fall along the light and leave the ambient light', () => {
    const shot = scene.shoot({ camera: 'above' });
    // The box at 0.5 m hangs over the origin; its shadow lies 0.5 m further along x.
    const column = Math.round(320 + 0.5 * perMetre);
    expect(lit.at(column, 240)[0]).toBeCloseTo(255 * (0.2 + 0.8 * Math.SQRT1_2), -1);
    expect(shot.at(column, 240)[0]).toBeCloseTo(255 * 0.2, -1);
    expect(shot.at(Math.round(320 - 0.5 * perMetre), 240)).toEqual(
      lit.at(Math.round(320 - 0.5 * perMetre), 240),
    );
  });

  test('end where the light says', () => {
    const shot = scene.shoot({ camera: 'above' });
    const dark = Array.from({ length: 640 }, (_, column) => column).filter(
      (column) => Math.abs((shot.at(column, 240)[0] ?? 0) - 60) < 40,
    );
    // The cube's lower edge at x = -0.1, z = 0.4 and its upper one at x = 0.1, z = 0.6, down to z = 0.
    expect(Math.abs((dark[0] ?? 0) - (320 + 0.3 * perMetre))).toBeLessThan(1.5);
    expect(Math.abs((dark.at(-1) ?? 0) + 1 - (320 + 0.7 * perMetre))).toBeLessThan(1.5);
  });

  test('leave everything else as it was', () => {
    const shot = scene.shoot({ camera: 'above' });
    const changed = shot.rgb.filter((value, i) => Math.abs(value - (lit.rgb[i] ?? 0)) > 2).length / 3;
    // Light at 45 degrees: the cube's top and side together shade 0.2 m x 0.4 m, a little more with the soft edge.
    expect(changed / (0.2 * 0.4 * perMetre ** 2)).toBeCloseTo(1.03, 1);
  });

  test('move with what casts them', () => {
    const positions: Float64Array = scene.data.qpos;
    positions[0] = 0.3;
    forward(scene);
    expect(scene.shoot({ camera: 'above' }).at(Math.round(320 + 0.8 * perMetre), 240)[0]).toBeCloseTo(
      255 * 0.2,
      -1,
    );
  });
});

describe('materials', () => {
  test('a checkered floor alternates where its texture says', () => {
    const assets = `<asset>
      <texture name="t" type="2d" builtin="checker" rgb1="1 0 0" rgb2="0 1 0" width="64" height="64"/>
      <material name="m" texture="t" texrepeat="2 2"/></asset>`;
    const above = '<camera name="c" pos="0 0 2" xyaxes="1 0 0 0 1 0" fovy="60"/>';
    const shot = loadScene(flatScene('<geom type="plane" size="1 1 .1" material="m"/>', above, assets)).shoot(
      { camera: 'c' },
    );
    const metre = 240 / Math.tan(Math.PI / 6) / 2;
    const colour = (x: number, y: number): number[] =>
      shot.at(Math.round(320 + x * metre), Math.round(240 - y * metre));
    // Two repeats over 2 m: fields of half a metre.
    expect(colour(0.25, 0.25)).toEqual(colour(-0.25, -0.25));
    expect(colour(0.25, 0.25)).toEqual(colour(0.75, 0.75));
    expect(colour(0.25, 0.25)).not.toEqual(colour(-0.25, 0.25));
    expect([colour(0.25, 0.25), colour(0.25, 0.75)].map(String).sort()).toEqual(['0,255,0', '255,0,0']);
  });

  test("a floor's texture lies as seen from above, its top towards +y", () => {
    const quarters = blankImage(8, 8, [0, 0, 255]);
    for (let row = 0; row < 4; row++) quarters.rgb.fill(255, 24 * row, 24 * row + 12); // the upper left one is white
    putFile('/quarters.png', encodePng(quarters));
    const assets = `<asset><texture name="t" type="2d" file="/quarters.png"/><material name="m" texture="t"/></asset>`;
    const above = '<camera name="c" pos="0 0 2" xyaxes="1 0 0 0 1 0" fovy="60"/>';
    const floor = '<geom type="plane" size="1 1 .1" material="m"/>';
    const shot = loadScene(flatScene(floor, above, assets)).shoot({ camera: 'c' });
    const white = [160, 480].flatMap((column) => [120, 360].map((row) => shot.at(column, row)[0] === 255));
    expect(white).toEqual([true, false, false, false]);
  });

  test('a cube of one square has it on all sides', () => {
    const square = blankImage(8, 8, [0, 0, 255]);
    square.rgb.fill(255, 0, 3 * 8 * 4); // the upper half is white
    putFile('/square.png', encodePng(square));
    const assets = `<asset><texture name="t" type="cube" file="/square.png"/><material name="m" texture="t"/></asset>`;
    const boxes = [0, 90, 180, 270].map(
      (turn, i) => `<geom type="box" size=".2 .2 .2" pos="${i - 1.5} 4 0" euler="0 0 ${turn}" material="m"/>`,
    );
    const shot = loadScene(flatScene(boxes.join(''), CAMERA, assets)).shoot({ camera: 'c' });
    const perMetre = 240 / Math.tan((25 * Math.PI) / 180) / 4;
    for (const x of [-1.5, -0.5, 0.5, 1.5]) {
      const side = [-0.15, 0, 0.15].flatMap((dx) =>
        [-0.15, 0, 0.15].map((dz) =>
          shot.at(Math.round(320 + (x + dx) * perMetre), Math.round(240 + dz * perMetre)).join(),
        ),
      );
      expect([...new Set(side)].sort()).toEqual(['0,0,255', '255,255,255']);
    }
  });

  test('transparent things are blended over what is behind them, drawn twice as by MuJoCo', () => {
    const shot = loadScene(
      flatScene(
        `<geom type="box" size=".2 .1 .2" pos="0 1 0" rgba="1 0 0 0.5"/>
         <geom type="box" size="9 .1 9" pos="0 3 0" rgba="0 0 1 1"/>`,
        CAMERA,
      ),
    ).shoot({ camera: 'c' });
    expect(shot.at(320, 240)[0]).toBeCloseTo(191, -1);
    expect(shot.at(320, 240)[2]).toBeCloseTo(64, -1);
    expect(shot.at(10, 240)).toEqual([0, 0, 255]);
  });

  test('invisible things are not drawn', () => {
    const shot = loadScene(
      flatScene('<geom type="sphere" size="1" pos="0 3 0" rgba="1 0 0 0"/>', CAMERA),
    ).shoot({ camera: 'c' });
    expect(shot.rgb.every((value) => value === 0)).toBe(true);
  });

  test('the sky fills what nothing covers', () => {
    const sky = `<asset><texture type="skybox" builtin="gradient" rgb1="0 0 1" rgb2="0 1 0" width="64" height="384"/></asset>`;
    const shot = loadScene(
      flatScene('<geom type="sphere" size=".2" pos="0 2 0" rgba="1 0 0 1"/>', CAMERA, sky),
    ).shoot({ camera: 'c' });
    expect(shot.at(320, 240)).toEqual([255, 0, 0]);
    expect(shot.at(320, 2)[2]).toBeGreaterThan(shot.at(320, 477)[2] ?? 255);
    expect(shot.at(320, 2)[1]).toBeLessThan(shot.at(320, 477)[1] ?? 0);
  });
});
