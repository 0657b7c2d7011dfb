/**
 * The drawing kernel: instances, lights and a camera in, RGB pixels out. The host (`renderer.ts`) lays out all memory
 * beyond `heapBase` and calls, for each image: setTarget, clearTarget, drawInstances, then as wanted applyShadows,
 * drawSky, drawInstances of transparent things, and packRgb or packHalved.
 */
import { clipTriangle } from './clip.as';
import { ALPHA, IN_VIEW_BYTES, NEAR } from './layout.as';
import { lightVertices } from './light.as';
import { listInView } from './locate.as';
import { height, setStyle, width } from './pixel.as';
import { projectVertices } from './project.as';
import { selectVisible } from './select.as';
import { setTexture } from './texture.as';
import { fillTriangle } from './triangle.as';

export { packHalved, packRgb } from './pack.as';
export { clearTarget, setTarget } from './pixel.as';
export { applyShadows, castShadows } from './shadow.as';
export { drawSky } from './sky.as';

/** First byte that the host may use. */
export const heapBase: usize = __heap_base;

/**
 * Draws `count` instances into the current target. `records`, `marks`, `list` and `inView` are room for the vertices
 * and triangles of the greatest of them and for a list of all; marks are zero before and after.
 */
export function drawInstances(
  instances: usize,
  count: i32,
  camera: usize,
  lights: usize,
  lightCount: i32,
  records: usize,
  marks: usize,
  list: usize,
  inView: usize,
): void {
  const near = load<f32>(camera, NEAR);
  const last = listInView(instances, count, camera, <f32>width, <f32>height, inView);
  for (let entry = inView; entry < last; entry += IN_VIEW_BYTES) {
    const instance = <usize>load<u32>(entry);
    const crossesNear = load<u32>(entry, 8) != 0;
    projectVertices(instance, camera, records, crossesNear);
    const end = selectVisible(instance, records, marks, list, <f32>width, <f32>height, near, crossesNear);
    if (end == list) continue;
    setTexture(instance, camera);
    setStyle(load<f32>(instance, ALPHA));
    lightVertices(instance, camera, lights, lightCount, records, marks);
    for (let at = list; at < end; at += 4) {
      const index = <usize>load<u32>(at);
      const a = records + <usize>load<u32>(index);
      const b = records + <usize>load<u32>(index, 4);
      const c = records + <usize>load<u32>(index, 8);
      if (crossesNear) clipTriangle(a, b, c, near);
      else fillTriangle(a, b, c);
    }
  }
}
