/** Who is in control: one client at most, so that two people cannot fight over the arms. */
import { ControlHeldError } from '../contract/apiErrors.js';

export interface Holder {
  /** Number of the connection. */
  readonly client: number;
  readonly name: string;
}

export class ControlHolder {
  #holder: Holder | undefined;

  get holder(): Holder | undefined {
    return this.#holder;
  }

  /** Takes control; returns whom it was taken from. Throws ControlHeldError when another has it and `force` is not set. */
  take(who: Holder, force: boolean): Holder | undefined {
    const before = this.#holder?.client === who.client ? undefined : this.#holder;
    if (before && !force) {
      throw new ControlHeldError(
        `${before.name} is in control: ask them, or take control explicitly (the dashboard's button, --take, or ` +
          '{"type":"take_control","force":true})',
      );
    }
    this.#holder = who;
    return before;
  }

  /** Nobody has to take what is free: the first who commands is in control. Throws ControlHeldError. */
  require(who: Holder): void {
    this.take(who, false);
  }

  /** Gives control back, if `client` has it. Returns whether it had. */
  release(client: number): boolean {
    if (this.#holder?.client !== client) return false;
    this.#holder = undefined;
    return true;
  }
}
