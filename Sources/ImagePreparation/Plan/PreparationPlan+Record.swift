extension PreparationPlan {
  /// A plan in the form in which one process sends it to another.
  struct Record: Codable, Sendable {
    let geometry: GeometryRecord
    let path: Path
    let instructionSet: InstructionSet
    let convertsColorFirst: Bool
    let largestFileBytes: Int
    let explanation: Explanation
  }

  var record: Record {
    Record(
      geometry: geometry, path: path, instructionSet: instructionSet, convertsColorFirst: convertsColorFirst,
      largestFileBytes: output.product.isFile ? largestFileBytes : 0, explanation: explanation)
  }
}
