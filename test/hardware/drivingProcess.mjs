// A process that moves an emulated arm until it is killed: `node drivingProcess.mjs PATH`.
import { loadArmProfile, loadGripper } from '#alohad/config/armFiles.js';
import { AlohaRobot } from '#alohad/hardware/alohaRobot.js';

const robot = new AlohaRobot({
  backend: 'emulated',
  arms: [
    {
      name: 'arm',
      path: process.argv[2],
      profile: loadArmProfile('vx300s'),
      gripper: loadGripper('aloha', 'follower'),
      slackMs: 50,
      watchdogMs: 2000,
    },
  ],
});
await robot.connect();
await robot.activate();
const goal = robot.observe().qpos.slice();
const start = goal.slice();
for (let tick = 0; ; tick++) {
  // Waist and shoulder turn at 0.25 rad/s.
  for (const joint of [0, 1]) goal[joint] = start[joint] + tick * 0.005;
  robot.command(goal);
  if (tick === 50) process.stdout.write('moving\n');
  await new Promise((resolve) => setTimeout(resolve, 20));
}
