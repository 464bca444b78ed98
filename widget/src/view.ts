// What the views draw, and what the parts of the client share: they see the same view and change it by the same doors.

import type { Status } from "./connection";
import type { Outgoing } from "./outbox";
import type { Action, State } from "./state";
import type { Settings } from "./types";

export interface Page {
  url(): string;
  title(): string;
  referrer: string;
  mobile: boolean;
  version: string;
  /** Uploads with progress (0 to 1): the answer's body. */
  upload(url: string, token: string, file: Blob, name: string, progress: (part: number) => void): Promise<any>;
}

export interface View {
  state: State;
  status: Status;
  reason: string;
  /** What waits, the oldest first. */
  outgoing: Outgoing[];
  settings: Settings;
  /** Whether somebody takes chats now. */
  online: boolean;
  loadingOlder: boolean;
}

/** What client.ts gives its parts. */
export interface Core {
  readonly view: View;
  /** Asks over the line that is open. */
  request(action: string, payload: unknown): Promise<any>;
  /** Asks what may fail without anybody minding. */
  quietly(action: string, payload: unknown): Promise<void>;
  dispatch(action: Action): void;
  show(change: Partial<View>): void;
  tell(name: string, value: unknown): void;
  /** The outbox changed: what was seen to have arrived is let go of, and the rest is shown. */
  settle(): void;
  /** What did not work now is tried again in a while. */
  later(): void;
}
