internal import Foundation
internal import GessoPipeline
internal import ImagePreparation

extension Prepare {
  /// Prints the plan of each input, one JSON object each.
  func explained(
    _ inputs: [Input], by preparer: ImagePreparer, _ recipe: Recipe
  ) async throws -> CommandStatus {
    let (console, flag, common, tensor) = (common.console, CancellationFlag(), common, tensor.format)
    let (limit, allowsPrivate) = (preparation.maxDownload << 20, addresses.allowsPrivate)
    return try await Interruption.guarding(
      flag: flag, patience: .seconds(1), onSignal: { console.error(.interrupted) }
    ) {
      var failures: [CommandStatus] = []
      for input in inputs where !flag.isCanceled {
        do throws(CommandError) {
          // Some plans depend on pixels, which are read first.
          let source = try await input.source(
            limit: limit, allowsPrivate: allowsPrivate, isReadAgain: recipe.readsAgain(isPlanOnly: true))
          let (image, plan) = try Self.plan(of: source, by: preparer, recipe, tensor, flag)
          try console.output(
            json: ["input": input.name, "source": image.json, "plan": plan], isIndented: !common.json)
        } catch {
          if error.status == .cannotWrite { throw error }
          failures.append(error.status)
          if error.status != .interrupted { try console.report(error, input: input.name, json: common.json) }
        }
      }
      return flag.isCanceled ? .interrupted : CommandStatus(failures: failures, of: inputs.count)
    }
  }

  private static func plan(
    of source: ImageSource, by preparer: ImagePreparer, _ recipe: Recipe, _ tensor: TensorFormat?,
    _ flag: CancellationFlag
  ) throws(CommandError) -> (ImageDescription, PreparationPlan) {
    do throws(PreparationError) {
      return try preparer.planBlocking(of: source, as: recipe, tensor: tensor, cancellation: flag)
    } catch {
      throw CommandError(error)
    }
  }
}
