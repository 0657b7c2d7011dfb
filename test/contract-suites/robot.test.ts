import { SimRobot } from '#alohad/simulation/simRobot.js';
import { sampleStartPose } from '#alohad/simulation/startPoses.js';
import { FakeRobot } from '../control/fakeRobot.js';
import { describeRobotContract } from './robotContract.js';

describeRobotContract('FakeRobot', () => new FakeRobot());
describeRobotContract(
  'SimRobot',
  () => new SimRobot({ task: 'insertion' }),
  (robot) => robot.reset(sampleStartPose('insertion', 1)),
);
