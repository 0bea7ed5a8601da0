// The turns of the matrix, held over a *line*: `{ send(event), inbox }`, in a dialect of `dialects.mjs`.
// Rule: nothing of Node's and nothing of a browser's: pages load this file as it is. A turn returns what was
// seen, in words, and throws where it is not what it should be.

/** What the text turn says, and the reply contains. */
export const WORDS = 'Is there an echo?';
/** What the function gives back, and the answer speaks of. */
export const ANSWER = 'seventeen degrees';

const RATE = 24_000;
const BYTES_PER_SAMPLE = 2;
/** 100 ms of audio: what clients send at a time. */
const PIECE = (RATE * BYTES_PER_SAMPLE) / 10;
/** Enough for every setting of server VAD that a client has by default (200 to 500 ms). */
const PAUSE_SECONDS = 1;

/** *speech* (a binary string of PCM16) with silence after it, so that server VAD sees its end. */
export const withPause = (speech) => speech + '\0'.repeat(RATE * BYTES_PER_SAMPLE * PAUSE_SECONDS);

/** *pcm* in base64, in pieces as a microphone gives them. */
export function* pieces(pcm) {
  for (let at = 0; at < pcm.length; at += PIECE) yield btoa(pcm.slice(at, at + PIECE));
}

export async function connect({ inbox }, dialect) {
  const [created] = await inbox.until('session.created');
  check(
    dialect.tells(created.session),
    `the session is not as it should be told: ${JSON.stringify(created.session)}`,
  );
  return `session.created, ${created.session.model}`;
}

export async function textTurn({ send, inbox }, dialect) {
  send({ type: 'session.update', session: dialect.textual });
  send({
    type: 'conversation.item.create',
    item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: WORDS }] },
  });
  send({ type: 'response.create' });
  const seen = await inbox.until('response.done');
  pure(seen, dialect);
  for (const type of dialect.itemEvents) check(of(seen, type).length > 0, `no ${type}`);
  const said = joined(seen, dialect.textDelta);
  check(said.includes(WORDS), `the answer is ${JSON.stringify(said)}`);
  const { output, usage } = completed(seen);
  const [part] = output.at(-1).content;
  check(part.type === dialect.textPart && part.text === said, `response.done holds ${JSON.stringify(part)}`);
  check(usage.total_tokens > 0, 'no tokens are told');
  return `answered ${JSON.stringify(said)}`;
}

export async function spokenTurn({ send, inbox }, dialect, speech) {
  send({ type: 'session.update', session: dialect.spoken });
  await inbox.until('session.updated');
  const sent = withPause(speech);
  for (const audio of pieces(sent)) send({ type: 'input_audio_buffer.append', audio });
  const seen = await inbox.until('response.done');
  pure(seen, dialect);
  for (const type of ['input_audio_buffer.speech_started', 'input_audio_buffer.speech_stopped']) {
    check(of(seen, type).length === 1, `not one ${type}`);
  }
  completed(seen);
  return heard(
    of(seen, dialect.audioDelta)
      .map(({ delta }) => atob(delta))
      .join(''),
    joined(seen, dialect.transcriptDelta),
    sent,
  );
}

/**
 * Judge the audio and the words of an answer by what was *sent*: the simulator gives the caller's voice back.
 */
export function heard(audio, words, sent) {
  const seconds = audio.length / RATE / BYTES_PER_SAMPLE;
  check(
    seconds > 1 && sent.includes(audio),
    `the ${seconds.toFixed(2)} s that were heard are not what was said`,
  );
  check(words.startsWith('You said: '), `the transcript is ${JSON.stringify(words)}`);
  return `heard ${seconds.toFixed(2)} s of what was said, ${JSON.stringify(words)}`;
}

export async function toolTurn({ send, inbox }, dialect) {
  send({ type: 'session.update', session: dialect.calling });
  send({ type: 'response.create' });
  const asked = await inbox.until('response.done');
  pure(asked, dialect);
  const [call] = of(asked, 'response.function_call_arguments.done');
  check(call !== undefined && 'city' in JSON.parse(call.arguments), 'the function was not called');
  send({
    type: 'conversation.item.create',
    item: { type: 'function_call_output', call_id: call.call_id, output: ANSWER },
  });
  send({ type: 'response.create', response: { tool_choice: 'none' } });
  const told = await inbox.until('response.done');
  pure(told, dialect);
  const said = joined(told, dialect.textDelta);
  check(said.includes(ANSWER), `the answer is ${JSON.stringify(said)}`);
  return `called with ${call.arguments}, answered ${JSON.stringify(said)}`;
}

export function check(holds, otherwise) {
  if (!holds) throw new Error(otherwise);
}

const of = (events, type) => events.filter((event) => event.type === type);

const joined = (events, type) =>
  of(events, type)
    .map(({ delta }) => delta)
    .join('');

function completed(events) {
  const { response } = events.at(-1);
  check(response.status === 'completed', `the response ended as ${JSON.stringify(response.status_details)}`);
  return response;
}

/** No event of the other dialect is among *events*. */
function pure(events, dialect) {
  const strays = events.map(({ type }) => type).filter((type) => dialect.foreign.test(type));
  check(strays.length === 0, `events of the other dialect: ${[...new Set(strays)].join(', ')}`);
}
