/* Server-sent events out of an answer's body: a POST's answer cannot be read by EventSource. */
export interface ServerEvent {
  kind: string;
  data: unknown;
}

const EVENT_MAX = 64 * 1024 * 1024;

export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  const reader = body.pipeThrough(new TextDecoderStream() as unknown as ReadableWritablePair<string, Uint8Array>).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (value) rest += value;
    for (let at = rest.indexOf("\n\n"); at >= 0; at = rest.indexOf("\n\n")) {
      const event = parse(rest.slice(0, at));
      rest = rest.slice(at + 2);
      if (event) yield event;
    }
    if (rest.length > EVENT_MAX) throw new Error("the server sent an event without an end");
    if (done) return;
  }
}

function parse(text: string): ServerEvent | null {
  let kind = "message", data = "";
  for (const line of text.split("\n")) {
    if (line.startsWith("event: ")) kind = line.slice(7);
    else if (line.startsWith("data: ")) data += line.slice(6);
  }
  return data ? { kind, data: JSON.parse(data) as unknown } : null;
}
