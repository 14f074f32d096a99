public import Ground
public import ImagePreparation

/// A note about an order that can be carried out, but may not be the intended one. It is reported before anything is paid.
public enum OrderNote: Sendable, Equatable {
  /// The results have another shape than the prepared image: the service stretches, crops or pads.
  case otherShape(results: ImageSize, prepared: ImageSize)
  /// The mask is white everywhere, so that the whole image is repainted.
  case maskSelectsAll
  /// The mask has transparent parts. They count as black, so that the image is kept there. Other programs repaint such parts.
  case maskIsTransparent
  /// A price was asked for, but the order already has this job: the price is the one on record, and giving the order
  /// again costs nothing.
  case hasJob(JobID, run: Int64)
  /// Another account (another API key or project) has submitted an order with the same image, prompt and model. This
  /// order is therefore paid for again. `job` is nil for a submit whose job is not known.
  case madeByAnotherAccount(run: Int64, job: JobID?)
}
