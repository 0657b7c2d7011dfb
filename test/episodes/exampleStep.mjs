/** Steps of the example episode; plain JavaScript, so that a child process can write them, too. */

export const INFO = {
  task: 'insertion',
  backend: 'sim',
  source: 'script',
  seed: 42,
  startObjects: [0.1, -0.2, 0.05, 1, 0, 0, 0],
  softwareVersion: '0.1.0',
  gripper: { open: 0.05800000000000001, close: 0.01844 },
  cameras: ['cam_high'],
  extra: { scene: 'sha256:abc', note: 'käse "quoted"' },
};

/** A step whose every number is different, so that a swap shows. */
export function exampleStep(number, physicsSize = 5, environmentSize = 3) {
  const row = (size, salt) =>
    Float64Array.from({ length: size }, (_, i) => Math.sin(number * 131 + i * 17 + salt) / 3);
  return {
    timeMs: 1000 + number * 20.25,
    sentMs: 1003 + number * 20.25,
    qpos: row(14, 1),
    qvel: row(14, 2),
    effort: row(14, 3),
    action: row(14, 4),
    reward: Math.min(4, Math.floor(number / 10)),
    physicsState: row(physicsSize, 5),
    environmentState: row(environmentSize, 6),
  };
}
