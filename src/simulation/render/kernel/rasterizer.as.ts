/**
 * The drawing kernel: instances, lights and a camera in, RGB pixels out. The host (`renderer.ts`) lays out all memory
 * beyond `heapBase` and calls, for each image: setTarget, clearTarget, drawInstances, then as wanted applyShadows,
 * drawSky, drawInstances of transparent things, and packRgb or packHalved.
 */
import { clipTriangle } from './clip.as';
import { ALPHA, IN_VIEW_BYTES, NEAR, TRIANGLES } from './layout.as';
import { lightCorners } from './light.as';
import { listInView } from './locate.as';
import { height, setStyle, width } from './pixel.as';
import { projectPoints } from './project.as';
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
 * Draws `count` instances into the current target. The last five are room: for the points and colours of the greatest
 * instance, a mark per four of its corners (zero before and after), its triangles, and a list of all instances.
 */
export function drawInstances(
  instances: usize,
  count: i32,
  camera: usize,
  lights: usize,
  lightCount: i32,
  screen: usize,
  colours: usize,
  marks: usize,
  list: usize,
  inView: usize,
): void {
  const near = load<f32>(camera, NEAR);
  const last = listInView(instances, count, camera, <f32>width, <f32>height, inView);
  for (let entry = inView; entry < last; entry += IN_VIEW_BYTES) {
    const instance = <usize>load<u32>(entry);
    const crossesNear = load<u32>(entry, 8) != 0;
    projectPoints(instance, camera, screen, crossesNear);
    const end = selectVisible(instance, screen, marks, list, <f32>width, <f32>height, near, crossesNear);
    if (end == list) continue;
    setTexture(instance, camera);
    setStyle(load<f32>(instance, ALPHA));
    lightCorners(instance, camera, lights, lightCount, colours, marks);
    const toCorners = <usize>load<u32>(instance, TRIANGLES) * 12;
    for (let at = list; at < end; at += 4) {
      const index = <usize>load<u32>(at);
      const a = screen + <usize>load<u32>(index);
      const b = screen + <usize>load<u32>(index, 4);
      const c = screen + <usize>load<u32>(index, 8);
      const corners = index + toCorners;
      const colourA = colours + <usize>load<u32>(corners);
      const colourB = colours + <usize>load<u32>(corners, 4);
      const colourC = colours + <usize>load<u32>(corners, 8);
      if (crossesNear) clipTriangle(a, b, c, colourA, colourB, colourC, near);
      else fillTriangle(a, b, c, colourA, colourB, colourC);
    }
  }
}
