import GessoCommand
import Testing

@Suite("The part of a batch that --shard names")
struct ShardArgumentTests {
  struct Row: CustomTestStringConvertible, Sendable {
    let argument: String
    var variables: [String: String] = [:]
    /// The expected part, or a text that the error contains.
    let expected: String
    var testDescription: String { "\(argument) \(variables.sorted { $0.key < $1.key })" }
  }

  /// The variables of a task as Slurm 22.05 sets them (sbatch(1)).
  private static func slurm(
    _ id: Int, min: Int, max: Int, step: Int = 1, count: Int?, leavingOut name: String? = nil
  ) -> [String: String] {
    var variables = [
      "SLURM_ARRAY_TASK_ID": "\(id)", "SLURM_ARRAY_TASK_MIN": "\(min)", "SLURM_ARRAY_TASK_MAX": "\(max)",
      "SLURM_ARRAY_TASK_STEP": "\(step)", "SLURM_ARRAY_TASK_COUNT": count.map { "\($0)" } ?? "",
    ]
    if let name { variables[name] = nil }
    return variables
  }

  static let rows = [
    Row(argument: "3/8", expected: "3 of 8"),
    // The scheduler's variables count only for `auto`.
    Row(argument: "3/8", variables: slurm(0, min: 0, max: 1, count: 2), expected: "3 of 8"),
    // The arrays --array=0-7, 1-8, 10-40:10 and 0-6:4. Slurm reduces the last one to the tasks 0 and 4.
    Row(argument: "auto", variables: slurm(2, min: 0, max: 7, count: 8), expected: "3 of 8"),
    Row(argument: "auto/8", variables: slurm(8, min: 1, max: 8, count: 8), expected: "8 of 8"),
    Row(argument: "auto", variables: slurm(30, min: 10, max: 40, step: 10, count: 4), expected: "3 of 4"),
    Row(argument: "auto", variables: slurm(4, min: 0, max: 6, step: 4, count: 2), expected: "2 of 2"),
    Row(argument: "auto", variables: slurm(30, min: 10, max: 40, step: 10, count: nil), expected: "3 of 4"),
    Row(
      argument: "auto",
      variables: slurm(3, min: 0, max: 7, count: 8, leavingOut: "SLURM_ARRAY_TASK_MAX"), expected: "4 of 8"),
    // An array that is a list, such as --array=1,4,6, has gaps.
    Row(argument: "auto", variables: slurm(4, min: 1, max: 6, count: 3), expected: "are not a range"),
    // Two tasks of an array of eight were given again as an array of two. They would take other parts than before.
    Row(argument: "auto/8", variables: slurm(3, min: 3, max: 4, count: 2), expected: "has 2 tasks"),
    Row(argument: "auto", variables: slurm(3, min: 3, max: 3, count: 1), expected: "would take all rows"),
    Row(argument: "auto/1", variables: slurm(0, min: 0, max: 0, count: 1), expected: "1 of 1"),
    Row(
      argument: "auto", variables: slurm(3, min: 0, max: 7, count: 8, leavingOut: "SLURM_ARRAY_TASK_MIN"),
      expected: "SLURM_ARRAY_TASK_MIN is not set"),
    Row(
      argument: "auto", variables: slurm(3, min: 0, max: 7, count: 8, leavingOut: "SLURM_ARRAY_TASK_STEP"),
      expected: "SLURM_ARRAY_TASK_STEP is not set"),
    Row(
      argument: "auto", variables: slurm(3, min: 0, max: 7, count: nil, leavingOut: "SLURM_ARRAY_TASK_MAX"),
      expected: "neither SLURM_ARRAY_TASK_COUNT nor SLURM_ARRAY_TASK_MAX is set"),
    Row(argument: "auto", variables: slurm(3, min: 0, max: 7, step: 0, count: 8), expected: "are not a range"),
    Row(
      argument: "auto", variables: slurm(3, min: 0, max: 7, count: 8).merging(["SLURM_ARRAY_TASK_ID": "x"]) { $1 },
      expected: "SLURM_ARRAY_TASK_ID is x"),
    Row(argument: "auto/8", variables: ["JOB_COMPLETION_INDEX": "7"], expected: "8 of 8"),
    Row(argument: "auto/8", variables: ["JOB_COMPLETION_INDEX": "8"], expected: "there are 8 shards"),
    Row(argument: "auto", variables: ["JOB_COMPLETION_INDEX": "0"], expected: "--shard auto/n"),
    Row(argument: "auto/8", expected: "neither SLURM_ARRAY_TASK_ID nor JOB_COMPLETION_INDEX is set"),
    Row(
      argument: "auto/8",
      variables: slurm(3, min: 0, max: 7, count: 8).merging(["JOB_COMPLETION_INDEX": "1"]) { $1 },
      expected: "are both set"),
  ]

  @Test("a part, of the argument or of a scheduler's variables", arguments: rows)
  func part(row: Row) throws {
    let argument = try #require(ShardArgument(argument: row.argument))
    do throws(CommandError) {
      let shard = try argument.shard(row.variables)
      #expect("\(shard.index) of \(shard.count)" == row.expected)
    } catch {
      #expect(error.status == .usage)
      #expect(error.line.contains(row.expected), "\(error.line)")
    }
  }

  @Test(
    "an argument that is not a part is refused",
    arguments: ["", "0/8", "9/8", "1/0", "3", "3/8/2", "auto/0", "auto/x", "/", "x/8", "auto/"])
  func invalid(argument: String) { #expect(ShardArgument(argument: argument) == nil) }
}
