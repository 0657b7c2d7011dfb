/** The page of the live window: plain HTML, no build step, light and dark. */
import type { CameraName } from '../contract/camera.js';

export const watchPage = (cameras: readonly CameraName[]): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>alohad: live</title>
<style>
  :root { color-scheme: light dark; font: 15px/1.4 system-ui, sans-serif; }
  body { margin: 0 auto; max-width: 1320px; padding: 16px; }
  header { display: flex; gap: 24px; align-items: baseline; flex-wrap: wrap; }
  h1 { font-size: 18px; margin: 0 0 8px; }
  #rate { font-weight: 600; }
  progress { width: 100%; height: 6px; }
  main { display: grid; grid-template-columns: repeat(auto-fit, minmax(320px, 1fr)); gap: 12px; }
  figure { margin: 0; } img { width: 100%; aspect-ratio: 4 / 3; background: #8883; border-radius: 6px; display: block; }
  figcaption { opacity: .7; font-size: 13px; }
</style>
<header><h1>alohad</h1><span id="line">waiting</span><span id="rate"></span></header>
<progress id="step" max="1" value="0"></progress>
<main>${cameras
  .map(
    (camera) => `<figure><img src="/${camera}" alt="${camera}"><figcaption>${camera}</figcaption></figure>`,
  )
  .join('')}</main>
<script>
  const show = (id, text) => { document.getElementById(id).textContent = text ?? ''; };
  const events = new EventSource('/state');
  events.onmessage = (event) => {
    const state = JSON.parse(event.data);
    show('line', state.line); show('rate', state.rate);
    document.getElementById('step').value = state.step ?? 0;
  };
  events.onerror = () => show('line', 'the run has ended, or the connection is lost');
</script>
</html>
`;
