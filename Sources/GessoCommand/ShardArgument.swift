internal import ArgumentParser

/// One part of the rows of a batch.
package struct Shard: Sendable, Equatable {
  /// The number of this part, from 1.
  package let index: Int
  /// The number of parts.
  package let count: Int
}

/// The value of `--shard`: a part such as `3/8`, or `auto` for the part that the variables of a scheduler name.
///
/// The variables are read only for `auto`. A script of an array may also run a command for another purpose, and this command must not leave
/// rows out.
package enum ShardArgument: ExpressibleByArgument, Sendable, Equatable {
  case part(Shard)
  /// Nil to take the number of shards from the scheduler as well.
  case auto(count: Int?)

  private static let most = 100_000

  package init?(argument: String) {
    let parts = argument.split(separator: "/", omittingEmptySubsequences: false)
    if argument == "auto" {
      self = .auto(count: nil)
      return
    }
    guard parts.count == 2, let count = Int(parts[1]), (1...Self.most).contains(count) else { return nil }
    if parts[0] == "auto" {
      self = .auto(count: count)
    } else {
      guard let index = Int(parts[0]), (1...count).contains(index) else { return nil }
      self = .part(Shard(index: index, count: count))
    }
  }

  // MARK: Schedulers

  private static let (slurmTask, kubernetesIndex) = ("SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX")

  /// The shard.
  ///
  /// - Parameter variables: The environment.
  /// - Returns: The part.
  /// - Throws: Status 2 for variables that are missing or name no part: with a wrong part, two machines would pay for the same rows.
  package func shard(_ variables: [String: String]) throws(CommandError) -> Shard {
    switch self {
    case .part(let shard): shard
    // An empty variable counts as not set, as usual.
    case .auto(let count): try Self.shard(ofScheduler: variables.filter { !$0.value.isEmpty }, count)
    }
  }

  private static func shard(ofScheduler variables: [String: String], _ count: Int?) throws(CommandError) -> Shard {
    switch (variables[slurmTask] != nil, variables[kubernetesIndex] != nil) {
    case (true, false): return try slurm(variables, count)
    case (false, true): return try kubernetes(variables, count)
    case (false, false):
      throw refusal("neither \(slurmTask) nor \(kubernetesIndex) is set", "name the part: --shard i/n")
    case (true, true):
      throw refusal("\(slurmTask) and \(kubernetesIndex) are both set", "name the part: --shard i/n")
    }
  }

  /// The part that a task of a Slurm array carries out (sbatch(1), "OUTPUT ENVIRONMENT VARIABLES").
  private static func slurm(_ variables: [String: String], _ count: Int?) throws(CommandError) -> Shard {
    let task = try number(slurmTask, variables)
    let first = try number("SLURM_ARRAY_TASK_MIN", variables)
    let step = try number("SLURM_ARRAY_TASK_STEP", variables)
    let last = variables["SLURM_ARRAY_TASK_MAX"] == nil ? nil : try number("SLURM_ARRAY_TASK_MAX", variables)
    let tasks: Int
    if variables["SLURM_ARRAY_TASK_COUNT"] != nil {
      tasks = try number("SLURM_ARRAY_TASK_COUNT", variables)
    } else if let last, step > 0 {
      tasks = (last - first) / step + 1
    } else {
      throw refusal("neither SLURM_ARRAY_TASK_COUNT nor SLURM_ARRAY_TASK_MAX is set", "name the part: --shard i/n")
    }
    // Slurm gives a list such as 1,4,6 the step 1. The gaps of such a list would be parts that no task carries out.
    guard step > 0, task >= first, (task - first) % step == 0, (task - first) / step < tasks,
      last.map({ ($0 - first) / step + 1 == tasks }) ?? true, tasks <= most
    else {
      throw refusal(
        "the tasks of the array are not a range with one step (SLURM_ARRAY_TASK_MIN, _MAX, _STEP and _COUNT)",
        "give --array=0-N, or name the part: --shard i/n")
    }
    if let count, count != tasks {
      throw refusal(
        "the array has \(tasks) task\(tasks == 1 ? "" : "s") (SLURM_ARRAY_TASK_COUNT), not \(count)",
        "give the whole array again (scontrol requeue does), or name the part: --shard i/\(count)")
    }
    guard tasks > 1 || count == 1 else {
      // An array of one task, such as `--array=3`, is used to run one task of an earlier array again.
      throw refusal("an array of one task would take all rows", "name the part: --shard i/n")
    }
    return Shard(index: (task - first) / step + 1, count: tasks)
  }

  /// The part that a pod of an Indexed Job carries out. No variable has the Job's number of completions.
  private static func kubernetes(_ variables: [String: String], _ count: Int?) throws(CommandError) -> Shard {
    let index = try number(kubernetesIndex, variables)
    guard let count else {
      throw refusal(
        "\(kubernetesIndex) is set, and no variable has the number of shards",
        "give it, as in the Job's completions: --shard auto/n")
    }
    guard index < count else {
      throw refusal(
        "\(kubernetesIndex) is \(index), and there are \(count) shards", "give the Job's completions: --shard auto/n")
    }
    return Shard(index: index + 1, count: count)
  }

  private static func number(_ name: String, _ variables: [String: String]) throws(CommandError) -> Int {
    guard let text = variables[name] else { throw refusal("\(name) is not set", "name the part: --shard i/n") }
    // No array has so many tasks, and a sum of numbers below this limit does not overflow.
    guard let number = Int(text), (0...1 << 40).contains(number) else {
      throw refusal("\(name) is \(text), which is not the number of a task", "name the part: --shard i/n")
    }
    return number
  }

  private static func refusal(_ message: String, _ remedy: String) -> CommandError {
    .usage("--shard auto: \(message)", remedy: remedy)
  }
}
