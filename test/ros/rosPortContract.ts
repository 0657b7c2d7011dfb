import { afterEach, describe, expect, it } from 'vitest';
import { RosPeerError, type RosMessage, type RosPort } from '#alohad/ros/rosPort.js';

/** What two RosPorts that can hear each other must do. Real ones need time, so every wait has generous limits. */
export function describeRosPortContract(
  name: string,
  pair: () => Promise<readonly [RosPort, RosPort]>,
): void {
  describe(`${name} keeps the RosPort contract`, () => {
    let ports: readonly RosPort[] = [];
    afterEach(async () => {
      for (const port of ports) await port.close();
    });

    async function two(): Promise<readonly [RosPort, RosPort]> {
      const made = await pair();
      ports = made;
      return made;
    }

    /** Publishes until something is heard: discovery takes a while. */
    async function untilHeard(heard: readonly RosMessage[], publish: () => void): Promise<void> {
      for (const end = performance.now() + 10_000; heard.length === 0 && performance.now() < end;) {
        publish();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }

    it('carries joint states with their numbers', async () => {
      const [a, b] = await two();
      const heard: RosMessage[] = [];
      b.subscribe(
        '/arm/joint_states',
        'sensor_msgs/msg/JointState',
        (message) => heard.push(message),
        'sensor',
      );
      const publish = a.advertise('/arm/joint_states', 'sensor_msgs/msg/JointState');
      await untilHeard(heard, () => {
        publish({
          header: { stamp: a.now(), frame_id: '' },
          name: ['waist'],
          position: Float64Array.of(0.25),
          velocity: new Float64Array(1),
          effort: new Float64Array(1),
        });
      });
      expect(heard[0]?.['name']).toEqual(['waist']);
      expect(heard[0]?.['position']).toEqual(Float64Array.of(0.25));
    });

    it('tells what is latched to who comes late', async () => {
      const [a, b] = await two();
      a.advertise('/robot_description', 'std_msgs/msg/String', 'latched')({ data: 'urdf' });
      const heard: RosMessage[] = [];
      b.subscribe('/robot_description', 'std_msgs/msg/String', (message) => heard.push(message), 'latched');
      await untilHeard(heard, () => {});
      expect(heard).toEqual([{ data: 'urdf' }]);
    });

    it('answers a service, and names one that is not there', async () => {
      const [a, b] = await two();
      a.serve('/flip', 'std_srvs/srv/SetBool', ({ data }) =>
        Promise.resolve({ success: data !== true, message: 'flipped' }),
      );
      expect(await b.call('/flip', 'std_srvs/srv/SetBool', { data: true }, 10_000)).toEqual({
        success: false,
        message: 'flipped',
      });
      const nobody = b.call('/nobody', 'std_srvs/srv/Trigger', {}, 50);
      await expect(nobody).rejects.toThrow(RosPeerError);
      await expect(nobody).rejects.toThrow('/nobody');
    });

    it('knows which types there are, and tells the time', async () => {
      const [a] = await two();
      expect(a.hasType('sensor_msgs/msg/JointState')).toBe(true);
      expect(a.hasType('no_such_msgs/msg/Nothing')).toBe(false);
      expect(Math.abs(a.now().sec - Date.now() / 1000)).toBeLessThan(5);
    });

    it('is silent after close, which may come twice', async () => {
      const [a] = await two();
      const publish = a.advertise('/text', 'std_msgs/msg/String');
      await a.close();
      await a.close();
      publish({ data: 'late' });
    });
  });
}
