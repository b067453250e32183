import { encodeWireJson } from '../message/wire-json.ts'
import { toFailure } from '../support/failure.ts'
import type { ControlRequest } from './broker.ts'

/** The JSON of what `answer` says, or of `{ error }` when it throws or says what JSON cannot hold. Never rejects. */
export async function answerOf(
  answer: (request: ControlRequest) => Promise<unknown>,
  request: ControlRequest,
): Promise<string> {
  try {
    const reply = encodeWireJson(await answer(request), { root: 'reply' })
    if (reply.length <= MAX_REPLY_CHARACTERS) return reply
    return encodeWireJson({ error: `The reply has ${reply.length} characters, more than ${MAX_REPLY_CHARACTERS}` })
  } catch (error) {
    return encodeWireJson({ error: toFailure(error).message })
  }
}

const MAX_REPLY_CHARACTERS = 1024 * 1024
