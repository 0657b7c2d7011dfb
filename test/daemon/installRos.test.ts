import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MAIN } from './servedDaemon.js';

const HOME = resolve(import.meta.dirname, '../..');
// A name that a shell would take apart.
const prefix = join(mkdtempSync(join(tmpdir(), 'alohad-ros-')), "it's here");
const text = (path: string): string => readFileSync(join(prefix, path), 'utf8');

beforeAll(() => {
  execFileSync(process.execPath, [MAIN, 'ros-install', '--prefix', prefix]);
});
afterAll(() => rmSync(resolve(prefix, '..'), { recursive: true }));

describe('alohad ros-install', () => {
  it('marks the package in the ament index', () => {
    expect(text('share/ament_index/resource_index/packages/alohad')).toBe('');
  });

  it('brings a package.xml of the version that npm has', () => {
    const { version }: { version: string } = JSON.parse(readFileSync(join(HOME, 'package.json'), 'utf8'));
    expect(text('share/alohad/package.xml')).toContain(`<version>${version}</version>`);
  });

  it.each(['sim', 'real', 'teleop'])(
    'brings %s.launch.xml, whose node has neither name nor namespace',
    (name) => {
      const launch = text(`share/alohad/launch/${name}.launch.xml`);
      expect(launch).toContain('<node pkg="alohad" exec="node"');
      expect(launch).not.toMatch(/<node[^>]*\s(name|namespace)=/);
      expect(launch).toContain(`/lib/alohad/daemon --backend ${name === 'sim' ? 'sim' : 'real'}`);
    },
  );

  it.each([
    ['alohad', ['--version'], /^\d+\.\d+/],
    ['node', ['--help'], /ROS 2 node/],
    ['daemon', ['--help'], /run the daemon/],
  ])('makes %s, which runs from anywhere', (name, args, says) => {
    const path = join(prefix, 'lib/alohad', name);
    expect(statSync(path).mode & 0o111).toBe(0o111);
    expect(execFileSync(path, args, { cwd: tmpdir(), encoding: 'utf8' })).toMatch(says);
  });

  it('brings a setup file that adds the prefix', () => {
    const script = `. "$0" && printf %s "$AMENT_PREFIX_PATH"`;
    const file = join(prefix, 'share/alohad/local_setup.sh');
    const run = (before: string): string =>
      execFileSync('sh', ['-c', script, file], { encoding: 'utf8', env: { AMENT_PREFIX_PATH: before } });
    expect(run('')).toBe(prefix);
    expect(run('/opt/ros/jazzy')).toBe(`${prefix}:/opt/ros/jazzy`);
  });
});
