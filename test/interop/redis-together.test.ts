/** Python and Carom workers on one Redis. */
import { mixedCluster } from './mixed-lab.ts'
import { SHARING, sharing, takingOver } from './sharing.ts'
import { survival } from './survival.ts'

const mixed = mixedCluster(SHARING)

sharing(mixed)
survival(mixed)
takingOver(mixed)
