import { expect, test } from 'vitest';
import { DemonstrationSampler } from '#alohad/learning/finetune/demonstrations.js';

const EPISODES = ['a', 'b', 'c'].map((path, i) => ({ path, steps: 10 + i }));

test('every start of every demonstration is drawn once an epoch, in an order of the seed', () => {
  const sampler = new DemonstrationSampler(EPISODES, 11, 1);
  const epoch = [0, 1, 2].flatMap((step) => sampler.batch(step));
  expect(new Set(epoch.map(({ path, step }) => path + step)).size).toBe(33);
  expect(new DemonstrationSampler(EPISODES, 11, 1).batch(2)).toEqual(sampler.batch(2));
  expect(new DemonstrationSampler(EPISODES, 11, 2).batch(2)).not.toEqual(sampler.batch(2));
});

test('one that cannot be read is replaced; when none is left that is an error', () => {
  const sampler = new DemonstrationSampler(EPISODES, 33, 1);
  sampler.drop('b');
  expect(new Set(sampler.batch(0).map(({ path }) => path))).toEqual(new Set(['a', 'c']));
  for (const { path, step } of sampler.batch(0)) expect(step).toBeLessThan(path === 'a' ? 10 : 12);
  sampler.drop('a');
  expect(() => sampler.drop('c')).toThrow('none of the demonstrations can be read');
});
