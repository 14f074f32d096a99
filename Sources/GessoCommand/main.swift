internal import GessoPipeline
internal import ImagePreparation

// This has to come before the first thread is started, because the worker starts processes by a fork.
if IsolatedWorker.isWanted { IsolatedWorker.serve(JSONCoder(), words: \.commandWords) }
CaughtSignals.unblock()
await Gesso.start()
