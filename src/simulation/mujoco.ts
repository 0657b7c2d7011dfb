/**
 * MuJoCo's WebAssembly module of this thread. `npm ci` makes a copy of the package's file in which small functions are
 * inlined (binaryen's wasm-opt, see `build:physics` in package.json): 6 to 9 % more steps per second and bit-equal, as
 * no floating-point operation changes. Allocation and bindings are left alone: they would make one start-up function
 * so large that its compilation takes a second.
 *
 * V8's stack check at every function and loop of WebAssembly is off, which gives another 5 to 6 %. It guards against
 * recursion without end, which MuJoCo does not have (its deepest, of nested bodies, ends at 500: the XML reader refuses
 * more), and it lets a thread be terminated inside a call, which now waits for the call's end. The flag holds for the
 * whole process, and for what is compiled after it.
 */
import { setFlagsFromString } from 'node:v8';
import { existsSync, readFileSync } from 'node:fs';
import loadMujoco, { type MainModule } from '@mujoco/mujoco';

const INLINED = new URL('mujoco.wasm', import.meta.url);

/** Compiling takes 0.3 s: worlds of a thread share it. */
let ofThisThread: Promise<MainModule> | undefined;

export function mujocoOfThisThread(): Promise<MainModule> {
  ofThisThread ??= load();
  return ofThisThread;
}

async function load(): Promise<MainModule> {
  setFlagsFromString('--no-wasm-stack-checks');
  return await loadMujoco(existsSync(INLINED) ? { wasmBinary: readFileSync(INLINED) } : undefined);
}
