/** Keys by name, however their bytes arrive. */
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { Keyboard, NobodyThere } from '#alohad/cli/keyboard.js';

const never = new AbortController().signal;

async function keys(chunks: readonly string[]): Promise<string[]> {
  const stream = new PassThrough();
  const keyboard = new Keyboard(stream);
  const seen: string[] = [];
  const all = keyboard.next((key) => {
    seen.push(key);
    return key === '.' ? key : undefined;
  }, never);
  for (const chunk of chunks) {
    stream.write(chunk);
    await new Promise(setImmediate);
  }
  stream.write('.');
  await all;
  return seen.slice(0, -1);
}

test.each([
  [['\u001b[C\u001b[D'], ['right', 'left']],
  [
    ['\u001b', '[', 'C', 'y'],
    ['right', 'y'],
  ],
  [['\u001bOA \r'], ['up', 'space', 'enter']],
  [['\u001bx\u007f'], ['escape', 'x', 'backspace']],
  // Ctrl + right arrow is neither Esc nor a letter.
  [['\u001b[1;5C'], ['right']],
  [['\u001b[3~'], ['\u001b[3~']],
])('%j is %j', async (chunks, named) => {
  expect(await keys(chunks)).toEqual(named);
});

test('Esc alone is heard without another key', async () => {
  const stream = new PassThrough();
  const pressed = new Keyboard(stream).next((key) => key, never);
  stream.write('\u001b');
  expect(await pressed).toBe('escape');
});

test('the end of input is told, also to who asks later', async () => {
  const stream = new PassThrough();
  const keyboard = new Keyboard(stream);
  const first = keyboard.next((key) => key, never);
  stream.end('ab');
  expect(await first).toBe('a');
  expect(await keyboard.next((key) => key, never)).toBe('b');
  await expect(keyboard.next((key) => key, never)).rejects.toThrow(NobodyThere);
  await expect(keyboard.next((key) => key, never)).rejects.toThrow(NobodyThere);
});
