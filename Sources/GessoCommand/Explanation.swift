internal import Foundation
internal import GessoPipeline
internal import ImagePreparation

extension Prepare {
  /// Prints the plan of each input, one JSON object each.
  func explained(
    _ inputs: [Input], by preparer: ImagePreparer, _ recipe: Recipe
  ) async throws -> CommandStatus {
    let (console, flag, common, tensor) = (common.console, CancellationFlag(), common, tensor.format)
    let limit = preparation.maxDownload << 20
    return try await Interruption.guarding(
      flag: flag, patience: .seconds(1), onSignal: { console.error(.interrupted) }
    ) {
      var failures: [CommandStatus] = []
      for input in inputs where !flag.isCanceled {
        do throws(CommandError) {
          // Trimming reads the source first.
          let source =
            recipe.trims ? try await input.repeatableSource(limit: limit) : try await input.source(limit: limit)
          let explanation = try Explanation(of: source, input: input.name, preparer, recipe, tensor, flag)
          try console.output(explanation.json(isIndented: !common.json))
        } catch {
          if error.status == .cannotWrite { throw error }
          failures.append(error.status)
          if error.status != .interrupted { try console.report(error, input: input.name, json: common.json) }
        }
      }
      return flag.isCanceled ? .interrupted : CommandStatus(failures: failures, of: inputs.count)
    }
  }
}

/// What `prepare --explain` prints of one input.
private struct Explanation: Encodable {
  struct Source: Encodable {
    let format: String
    let width: Int
    let height: Int
    let orientation: Int
    let bits: Int
    let model: String
    let subsampling: String?
    let icc: String?
    let alpha: Bool
  }

  let input: String
  let source: Source
  let plan: PreparationPlan

  init(
    of image: ImageSource, input: String, _ preparer: ImagePreparer, _ recipe: Recipe, _ tensor: TensorFormat?,
    _ flag: CancellationFlag
  ) throws(CommandError) {
    do throws(PreparationError) {
      let (source, plan) = try preparer.planBlocking(of: image, as: recipe, tensor: tensor, cancellation: flag)
      self.input = input
      self.plan = plan
      self.source = Source(
        format: source.format.rawValue, width: source.size.width, height: source.size.height,
        orientation: source.orientation.rawValue, bits: source.bitDepth, model: source.colorModel.rawValue,
        subsampling: source.subsampling, icc: source.profileLabel, alpha: source.hasAlpha)
    } catch {
      throw CommandError(error)
    }
  }

  /// The object in one line, or indented for people.
  func json(isIndented: Bool) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    if isIndented { encoder.outputFormatting.insert(.prettyPrinted) }
    // All values are numbers, texts and truth values; no number is infinite.
    return String(decoding: (try? encoder.encode(self)) ?? Data(), as: UTF8.self)
  }
}
