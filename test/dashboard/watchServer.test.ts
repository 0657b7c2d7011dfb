import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { WatchServer } from '#alohad/dashboard/watchServer.js';

const open: WatchServer[] = [];
const start = async (port = 0): Promise<WatchServer> => {
  const watch = await WatchServer.start(['cam_high', 'cam_low'], port);
  open.push(watch);
  return watch;
};
afterEach(async () => {
  await Promise.all(open.splice(0).map(async (watch) => watch.close()));
});

/** Reads a stream until `enough`, then hangs up. */
async function readUntil(url: string, enough: (text: string) => boolean, act: () => void): Promise<string> {
  const response = await fetch(url);
  const decoder = new TextDecoder('latin1');
  let text = '';
  act();
  const body: AsyncIterable<Uint8Array> | null = response.body;
  for await (const chunk of body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (enough(text)) break;
    act();
  }
  return text;
}

describe('WatchServer', () => {
  it('serves a page with every camera', async () => {
    const page = await (await fetch((await start()).url)).text();
    expect(page).toContain('src="/cam_high"');
    expect(page).toContain('src="/cam_low"');
  });

  it('streams frames whole, in order, to those who watch that camera', async () => {
    const watch = await start();
    let count = 0;
    const text = await readUntil(
      `${watch.url}cam_low`,
      (seen) => seen.includes('frame 2'),
      () => {
        watch.frame('cam_high', Buffer.from('other camera'));
        watch.frame('cam_low', Buffer.from(`frame ${count++}`));
      },
    );
    expect(text).toContain('content-type: image/jpeg\r\ncontent-length: 7\r\n\r\nframe 0\r\n');
    expect(text.indexOf('frame 1')).toBeLessThan(text.indexOf('frame 2'));
    expect(text).not.toContain('other camera');
  });

  it('tells the state, the last one first to whoever comes later', async () => {
    const watch = await start();
    watch.state({ line: 'episode 3' });
    const text = await readUntil(
      `${watch.url}state`,
      (seen) => seen.includes('episode 3'),
      () => {},
    );
    expect(text).toContain('data: {"line":"episode 3"}\n\n');
  });

  it('drops frames for a viewer who does not read, instead of queueing them', async () => {
    const watch = await start();
    const viewer = connect(Number(new URL(watch.url).port), '127.0.0.1');
    viewer.write('GET /cam_high HTTP/1.1\r\nhost: x\r\n\r\n');
    await new Promise((resolve) => viewer.once('data', resolve));
    viewer.pause();
    const frame = Buffer.alloc(1e6);
    for (let i = 0; i < 200; i++) {
      watch.frame('cam_high', frame);
      await new Promise(setImmediate);
    }
    // What was queued arrives once the viewer reads again: a few frames and the socket's buffers, not 200 MB.
    let received = 0;
    viewer.on('data', (bytes) => (received += bytes.length));
    viewer.resume();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(received).toBeGreaterThan(1e6);
    expect(received).toBeLessThan(20e6);
    viewer.destroy();
  });

  it('answers unknown paths with 404, and says so when its port is taken', async () => {
    const watch = await start();
    expect((await fetch(`${watch.url}camera/cam_none`)).status).toBe(404);
    await expect(start(Number(new URL(watch.url).port))).rejects.toThrow(/Give another --watch PORT/);
  });
});
