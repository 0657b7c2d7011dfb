/** A person at the keyboard: which keys mean what, and what happens when nobody is there. */
import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { Person } from '#alohad/cli/person.js';
import { Interrupted, UsageError } from '#alohad/contract/errors.js';
import { sampleStartPose } from '#alohad/simulation/startPoses.js';

const never = new AbortController().signal;
const START = sampleStartPose('insertion', 7);

function sitting() {
  const keys = new PassThrough();
  const screen = new PassThrough();
  return { keys, screen, person: new Person(keys, screen), shown: () => String(screen.read() ?? '') };
}

describe('a person', () => {
  test.each([
    ['y', 4],
    ['n', 3],
    ['2', 2],
    ['D', 'discard'],
    ['xq?y', 4],
  ])('judges %j as %j', async (typed, verdict) => {
    const { keys, person, shown } = sitting();
    const judged = person.judge({ seed: 7 }, never);
    keys.write(typed);
    expect(await judged).toBe(verdict);
    expect(shown()).toContain('episode 7: did it succeed?');
  });

  test('is waited for before an episode, and keys typed ahead are kept for the next question', async () => {
    const { keys, person } = sitting();
    const ready = person.prepare(START, never);
    keys.write('\rn');
    await ready;
    expect(await person.judge({ seed: 7 }, never)).toBe(3);
  });

  test('who presses Ctrl-C is not waited for', async () => {
    const { person } = sitting();
    const stop = new AbortController();
    const judged = person.judge({ seed: 7 }, stop.signal);
    stop.abort();
    await expect(judged).rejects.toThrow(Interrupted);
    await expect(person.judge({ seed: 8 }, stop.signal)).rejects.toThrow(Interrupted);
  });

  test('who is not there is named', async () => {
    const { keys, person } = sitting();
    const judged = person.judge({ seed: 7 }, never);
    keys.end();
    await expect(judged).rejects.toThrow(UsageError);
    await expect(judged).rejects.toThrow(/nobody is at the keyboard/);
  });
});
