/** Fills the pixels that nothing was drawn on with a cube map around the scene. */
import { colourBuffer, depthBuffer, height, width } from './pixel.as';
import { MAP_BYTES, mapCoordinate } from './rays.as';
import { lookCube } from './texture.as';

const maps: usize = memory.data(16 * 3);

/** Draws where the depth is still clear. The map's y axis is the world's z axis, as MuJoCo lays its sky. */
export function drawSky(camera: usize, faces: usize, size: i32): void {
  mapCoordinate(maps, camera, 0, 0, 0, 1, 0, 0);
  mapCoordinate(maps + MAP_BYTES, camera, 0, 0, 0, 0, 0, 1);
  mapCoordinate(maps + 2 * MAP_BYTES, camera, 0, 0, 0, 0, -1, 0);
  for (let row = 0, offset: usize = 0; row < height; row++) {
    for (let column = 0; column < width; column++, offset += 4) {
      if (load<f32>(depthBuffer + offset) != 0) continue;
      const texel = lookCube(faces, size, ray(0, column, row), ray(1, column, row), ray(2, column, row));
      store<i32>(colourBuffer + offset, texel & 0xffffff);
    }
  }
}

/** Component of the direction in which a pixel looks. */
function ray(axis: usize, column: i32, row: i32): f32 {
  const map = maps + axis * MAP_BYTES;
  return load<f32>(map, 4) + <f32>column * load<f32>(map, 8) + <f32>row * load<f32>(map, 12);
}
