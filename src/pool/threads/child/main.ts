/** The file a pool's thread runs. Wiring only. */
import { workerData } from 'node:worker_threads'
import { askThrough } from '../../child/ask.ts'
import { ChildLoop } from '../../child/loop.ts'
import { whileLoading } from '../../protocol/loading.ts'
import type { ThreadChannel } from '../../protocol/post.ts'
import { PortChannel } from './port-channel.ts'

const given = workerData as { channel: ThreadChannel | null; readonly generation: number }
const channel = new PortChannel(given.channel as ThreadChannel, given.generation)
// The functions see the same object: the channel is none of theirs.
given.channel = null
const loop = new ChildLoop(channel, whileLoading)
askThrough(loop.questions)
channel.listen(loop)
