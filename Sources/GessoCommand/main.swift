internal import GessoPipeline
internal import ImagePreparation

// Before the first thread is started: this process begins others by a fork.
if IsolatedWorker.isWanted { IsolatedWorker.serve(JSONCoder(), words: \.commandWords) }
await Gesso.start()
