import { describe, expect, test } from 'vitest';
import { UnknownCameraError, UsageError } from '#alohad/contract/errors.js';
import { flatScene, loadScene } from './scene.js';

describe('a request that cannot be drawn', () => {
  const scene = loadScene(flatScene('', '<camera name="left"/><camera name="right"/>'));

  test('names the cameras that there are', () => {
    const shoot = () => scene.shoot({ camera: 'middle' });
    expect(shoot).toThrow(UnknownCameraError);
    expect(shoot).toThrow("no camera 'middle' in this scene; it has: left, right");
  });

  test.each([
    [0, 48],
    [64, -1],
    [64.5, 48],
    [Number.NaN, 48],
    [5000, 48],
  ])('%d x %d is refused with the limits', (width, height) => {
    const rgb = new Uint8Array();
    const render = () => scene.renderer.render(scene.data, { camera: 'left', width, height }, rgb);
    expect(render).toThrow(UsageError);
    expect(render).toThrow('whole numbers from 1 to 4096');
  });

  test('says how many bytes a picture fills', () => {
    const render = () =>
      scene.renderer.render(scene.data, { camera: 'left', width: 4, height: 3 }, new Uint8Array(35));
    expect(render).toThrow('an image of 4 x 3 fills 36 bytes, but was given 35');
  });

  test('refuses an empty region', () => {
    const region = { x: 0, y: 0, width: 0, height: 10 };
    expect(() => scene.shoot({ camera: 'left', region })).toThrow(UsageError);
  });

  test('an empty scene is black', () => {
    expect(scene.shoot({ camera: 'left' }).rgb.every((value) => value === 0)).toBe(true);
  });
});
