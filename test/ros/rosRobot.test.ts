import { afterEach, describe, expect, it } from 'vitest';
import { ARMS, DOF } from '#alohad/contract/robot.js';
import { MemoryNetwork } from '#alohad/ros/memoryPort.js';
import { relay, RelayedPeer, type ToRelay } from '#alohad/ros/relay.js';
import { RosPeerError, RosUnavailableError, type RosPort } from '#alohad/ros/rosPort.js';
import { RosJointStateError, RosRobot } from '#alohad/ros/rosRobot.js';
import { describeRobotContract } from '../contract-suites/robotContract.js';
import { FakeXsSdk, gripper } from './fakeXsSdk.js';

const STANDARD = ['sensor_msgs', 'trajectory_msgs', 'std_srvs'];
const started: FakeXsSdk[] = [];

function robotWithArms(packages?: string[]): RosRobot {
  const network = new MemoryNetwork(packages);
  const port = network.port();
  for (const arm of ARMS) started.push(new FakeXsSdk(network.port(), `follower_${arm}`));
  return new RosRobot(port, { gripper });
}

afterEach(() => {
  for (const driver of started.splice(0)) driver.stop();
});

describeRobotContract('RosRobot with Interbotix messages', () => robotWithArms());
describeRobotContract('RosRobot with standard messages', () => robotWithArms(STANDARD));

describeRobotContract('RosRobot whose ROS 2 is in another process', () => {
  const network = new MemoryNetwork();
  for (const arm of ARMS) started.push(new FakeXsSdk(network.port(), `follower_${arm}`));
  return new RosRobot(relayed(network.port()), { gripper });
});

/** As between processes: messages are text. */
function relayed(port: RosPort): RelayedPeer {
  let take: (message: ToRelay) => void = () => {};
  const peer = new RelayedPeer((message) => take(JSON.parse(JSON.stringify(message))));
  take = relay(port, (message) => peer.take(JSON.parse(JSON.stringify(message))));
  return peer;
}

describe('RelayedPeer', () => {
  it('passes on what nobody answers, and that the other process ended', async () => {
    const peer = relayed(new MemoryNetwork().port());
    await peer.ready();
    expect(peer.hasType('interbotix_xs_msgs/srv/TorqueEnable')).toBe(true);
    await expect(peer.call('/nobody', 'std_srvs/srv/Trigger', {}, 20)).rejects.toThrow('/nobody');
    const waiting = peer.call('/nobody', 'std_srvs/srv/Trigger', {}, 20);
    peer.ended('SIGKILL');
    await expect(waiting).rejects.toThrow(/process with ROS 2 ended.*SIGKILL/);
  });

  it('says why there is no ROS 2', async () => {
    const peer = new RelayedPeer(() => {});
    peer.take({ kind: 'unavailable', message: 'ROS_DISTRO is not set' });
    await expect(peer.ready()).rejects.toThrow('ROS_DISTRO is not set');
    await expect(peer.ready()).rejects.toThrow(RosUnavailableError);
  });
});

describe('RosRobot', () => {
  it('says which topic is silent when no driver runs', async () => {
    const robot = new RosRobot(new MemoryNetwork().port(), { gripper, patienceMs: 20 });
    await expect(robot.connect()).rejects.toThrow(RosPeerError);
    await expect(robot.connect()).rejects.toThrow('/follower_left/joint_states');
  });

  it('speaks to the namespaces it is given', async () => {
    const network = new MemoryNetwork();
    const drivers = ['puppet_left', 'puppet_right'].map((name) => new FakeXsSdk(network.port(), name));
    started.push(...drivers);
    const robot = new RosRobot(network.port(), {
      gripper,
      namespaces: { left: 'puppet_left', right: 'puppet_right' },
    });
    await robot.connect();
    await robot.activate();
    expect(drivers.map(({ torque }) => torque)).toEqual([true, true]);
    await robot.disconnect();
    expect(drivers.map(({ torqueRequests }) => torqueRequests)).toEqual([
      [true, false],
      [true, false],
    ]);
  });

  it('faults, and commands nothing, when a driver falls silent', async () => {
    const robot = robotWithArms();
    await robot.connect();
    await robot.activate();
    const goal = robot.observe().qpos.slice();
    const [left] = started;
    left!.stop();
    await new Promise((resolve) => setTimeout(resolve, 300));
    const { commands } = left!;
    expect(() => robot.observe()).toThrow('/follower_left');
    expect(() => robot.command(goal)).toThrow(RosJointStateError);
    expect(left!.commands).toBe(commands);
  });

  it('does not take a NaN for a position', async () => {
    const robot = robotWithArms();
    await robot.connect();
    started[1]!.tell([0, Number.NaN, 0, 0, 0, 0, 0]);
    expect(() => robot.observe()).toThrow(/follower_right.*shoulder/);
    started[1]!.tell([0, 1e28, 0, 0, 0, 0, 0]);
    expect(() => robot.observe()).toThrow(/shoulder.*where no joint can be/);
    started[1]!.tell();
    expect(robot.observe().qpos).toHaveLength(DOF);
  });

  it('says that torque may still be on when a driver does not take it off', async () => {
    const network = new MemoryNetwork();
    const drivers = ARMS.map((arm) => new FakeXsSdk(network.port(), `follower_${arm}`));
    started.push(...drivers);
    const robot = new RosRobot(network.port(), { gripper });
    await robot.connect();
    await robot.activate();
    network.answerers.delete('/follower_left/torque_enable');
    await expect(robot.disconnect()).rejects.toThrow('may still have torque');
    // The other arm was told all the same.
    expect(drivers[1]!.torque).toBe(false);
    expect(() => robot.observe()).toThrow('connect first');
    await robot.disconnect();
  });
});
