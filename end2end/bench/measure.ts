// What the figures have in common: medians, ratios, REST, and the engines' own API.

import { request as send } from 'node:http';
import { slipway, world, type Person } from '../world/world';

export const runs = Number(process.env.SLIPWAY_BENCH_RUNS ?? 20);

/** The value below which `share` of them lie. */
export function quantile(values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

export const ms = (value: number): string => `${value < 100 ? value.toFixed(1) : Math.round(value)} ms`;

/** `what: ours against theirs, ratio`, at the median and the 95th percentile. */
export function compare(what: string, method: string, ours: number[], theirs: number[], yardstick: string): void {
  const line = (share: number) => {
    const [a, b] = [quantile(ours, share), quantile(theirs, share)];
    return `${ms(a)} against ${ms(b)}, ${(a / b).toFixed(2)} times (${ms(a - b)} more)`;
  };
  say(what, [`median  ${line(0.5)}`, `p95     ${line(0.95)}`], `${method} Yardstick: ${yardstick}. ${ours.length} runs of each, in turn.`);
}

export function say(what: string, lines: string[], method: string): void {
  process.stdout.write(`\n${what}\n${lines.map((line) => `  ${line}\n`).join('')}  method: ${method}\n`);
}

export const pause = (time: number): Promise<void> => new Promise((go) => setTimeout(go, time));

const tokens = new Map<Person, string>();

/** One call of REST by this person; answers other than 2xx are errors. */
export async function rest<T>(person: Person, method: 'GET' | 'POST', path: string, body?: unknown): Promise<T> {
  if (!tokens.has(person)) {
    const role = person === 'lead2' ? 'lead' : person;
    tokens.set(person, slipway(world(), ['token', 'add', '--user', person, '--name', `bench-${person}-${process.pid}`, '--role', role]).trim());
  }
  const headers = { authorization: `Bearer ${tokens.get(person)}`, 'content-type': 'application/json' };
  const answer = await fetch(`${world().address}/api/v1${path}`, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return (text ? JSON.parse(text) : undefined) as T;
}

/** One call of an engine's API over its socket. */
export function engine<T>(socket: string, method: string, path: string, body?: unknown): Promise<T> {
  return new Promise((go, fail) => {
    const text = body === undefined ? '' : JSON.stringify(body);
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
    const call = send({ socketPath: socket, method, path, headers }, (answer) => {
      let got = '';
      answer.on('data', (part) => (got += part));
      answer.on('end', () => {
        if (answer.statusCode! >= 300) fail(new Error(`${method} ${path}: ${answer.statusCode} ${got}`));
        else go((got ? JSON.parse(got) : undefined) as T);
      });
    });
    call.on('error', fail);
    call.end(text);
  });
}
