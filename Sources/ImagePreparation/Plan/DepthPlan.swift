/// The decision about bits per sample.
///
/// Samples keep the depth of the decoder through every pass and step. The last step of all converts them to the depth of the
/// result. The tensor is made before that step, so it gets all bits.
struct DepthPlan: Sendable, Equatable {
  /// Bits of decoded samples: 8 or 16.
  let decoded: Int
  /// Bits of the result's samples: 8 or 16.
  let result: Int
  /// The format that is asked for: PNG for a file of 16 bits, whatever the pixels are.
  let format: Recipe.Output.Format
  /// Notes for the user about these decisions.
  let notes: [String]

  /// Makes the decision. `format` is the format that is asked for.
  init(
    source: ImageDescription, recipe: Recipe, format: Recipe.Output.Format, product: OutputPlan.Product
  ) {
    decoded = source.decodedBits
    guard product.isFile else {
      result = product == .pixels ? 8 : decoded
      self.format = format
      notes = []
      return
    }
    let kept = recipe.samples.isData ? decoded : 8
    let eightAlone = format.only.flatMap { $0.holdsSixteenBits ? nil : $0.name }
    result = eightAlone == nil ? recipe.output.bits?.rawValue ?? kept : 8
    self.format = result == 16 ? .png : format
    var notes: [String] = []
    if result < decoded {
      notes.append("rounded from 16 bits per sample to 8" + (eightAlone.map { ", because a \($0) has no more" } ?? ""))
    }
    if result > decoded { notes.append("16 bits per sample are no finer than the 8 of the source") }
    if result == 16, format == .auto { notes.append("PNG, because a JPEG has no 16 bits per sample") }
    self.notes = notes
  }
}
