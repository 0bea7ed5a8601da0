// The two dialects of the Realtime API, as their clients write and read them.
// Rule: each side is spelled out whole, so that what a beta client sees can be compared with what it should.

const WEATHER = {
  type: 'function',
  name: 'get_weather',
  description: 'The weather in a city.',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};

export const GA = {
  /** Whether a session that was created is told in this dialect. */
  tells: (session) => session.type === 'realtime' && Array.isArray(session.output_modalities),
  textual: { type: 'realtime', output_modalities: ['text'] },
  spoken: {
    type: 'realtime',
    output_modalities: ['audio'],
    audio: {
      input: {
        format: { type: 'audio/pcm', rate: 24_000 },
        transcription: { model: 'gpt-4o-mini-transcribe' },
        turn_detection: { type: 'server_vad' },
      },
      output: { format: { type: 'audio/pcm', rate: 24_000 } },
    },
  },
  calling: { type: 'realtime', output_modalities: ['text'], tools: [WEATHER], tool_choice: 'required' },
  itemEvents: ['conversation.item.added', 'conversation.item.done'],
  textDelta: 'response.output_text.delta',
  audioDelta: 'response.output_audio.delta',
  transcriptDelta: 'response.output_audio_transcript.delta',
  textPart: 'output_text',
  /** Events of the other dialect, none of which may be seen. */
  foreign: /^response\.(text|audio|audio_transcript)\./,
};

export const BETA = {
  tells: (session) => Array.isArray(session.modalities) && typeof session.input_audio_format === 'string',
  textual: { modalities: ['text'] },
  spoken: {
    modalities: ['text', 'audio'],
    input_audio_format: 'pcm16',
    output_audio_format: 'pcm16',
    input_audio_transcription: { model: 'whisper-1' },
    turn_detection: { type: 'server_vad' },
  },
  calling: { modalities: ['text'], tools: [WEATHER], tool_choice: 'required', temperature: 0.8 },
  itemEvents: ['conversation.item.created'],
  textDelta: 'response.text.delta',
  audioDelta: 'response.audio.delta',
  transcriptDelta: 'response.audio_transcript.delta',
  textPart: 'text',
  foreign: /^response\.(output_text|output_audio|output_audio_transcript)\.|^conversation\.item\.(added|done)$/,
};
