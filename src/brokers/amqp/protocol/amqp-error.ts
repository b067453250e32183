/** What RabbitMQ refuses, and what ends a connection or a channel, by the name of its reply code. */
export class AmqpError extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** @param replyCode as in `connection.close` and `channel.close`. */
export function refusal(replyCode: number, text: string): AmqpError {
  return new AmqpError(REPLY_CODES.get(replyCode) ?? String(replyCode), text)
}

export function channelClosed(): AmqpError {
  return new AmqpError('CHANNEL_CLOSED', 'The channel is closed')
}

const REPLY_CODES: ReadonlyMap<number, string> = new Map([
  [311, 'CONTENT_TOO_LARGE'],
  [312, 'NO_ROUTE'],
  [313, 'NO_CONSUMERS'],
  [320, 'CONNECTION_FORCED'],
  [402, 'INVALID_PATH'],
  [403, 'ACCESS_REFUSED'],
  [404, 'NOT_FOUND'],
  [405, 'RESOURCE_LOCKED'],
  [406, 'PRECONDITION_FAILED'],
  [501, 'FRAME_ERROR'],
  [502, 'SYNTAX_ERROR'],
  [503, 'COMMAND_INVALID'],
  [504, 'CHANNEL_ERROR'],
  [505, 'UNEXPECTED_FRAME'],
  [506, 'RESOURCE_ERROR'],
  [530, 'NOT_ALLOWED'],
  [540, 'NOT_IMPLEMENTED'],
  [541, 'INTERNAL_ERROR'],
])
