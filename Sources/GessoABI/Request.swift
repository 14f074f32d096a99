import CGesso
import ImagePreparation

/// A caller's request, read from the structs of the header.
struct Request {
  let source: ImageSource
  let recipe: Recipe
  let tensor: TensorFormat?
  let preparer: ImagePreparer
  let cancellation: CancellationFlag?

  /// Reads a request. `isForHeaders` leaves out the recipe and the tensor format.
  ///
  /// - Throws: A failure that names the invalid field.
  init(_ pointer: UnsafePointer<gesso_request>?, isForHeaders: Bool = false) throws(CallFailure) {
    guard let request = try read(pointer) else { throw .misuse("the request is NULL", "give one") }
    guard let source = try read(request.source) else { throw .misuse("the source is NULL", "give one") }
    let limits = try read(request.limits)?.limits() ?? Limits()
    recipe = isForHeaders ? Recipe() : try read(request.recipe)?.recipe() ?? Recipe()
    tensor = isForHeaders ? nil : try read(request.tensor)?.format()
    preparer = ImagePreparer(limits: limits)
    cancellation = request.cancel.map { CancellationFlag.of($0) }
    // The source is read last, because bytes in memory are copied: a request that is refused copies nothing.
    self.source = try source.source()
  }
}

extension CancellationFlag {
  /// A handle that owns the flag.
  var handle: OpaquePointer { OpaquePointer(Unmanaged.passRetained(self).toOpaque()) }

  /// The flag of a handle.
  static func of(_ handle: OpaquePointer) -> CancellationFlag {
    Unmanaged<CancellationFlag>.fromOpaque(UnsafeRawPointer(handle)).takeUnretainedValue()
  }

  /// Gives up the ownership of a handle.
  static func release(_ handle: OpaquePointer) {
    Unmanaged<CancellationFlag>.fromOpaque(UnsafeRawPointer(handle)).release()
  }
}

extension Request {
  /// Prepares pixels, or a tensor, for memory that is checked before a pixel is decoded.
  ///
  /// - Parameters:
  ///   - tensor: The format of the tensor; nil for pixels.
  ///   - memory: The caller's memory.
  ///   - size: The size that a plan needs in it.
  /// - Returns: The pixels or the tensor.
  /// - Throws: A failure of the preparation, or the failure for memory that is too small.
  func run<Element>(
    tensor: TensorFormat?, into memory: Memory<Element>, size: @escaping (PreparationPlan) -> Int
  ) throws(CallFailure) -> MemoryResult {
    var refusal: CallFailure?
    do throws(PreparationError) {
      return try preparer.memoryResult(of: source, as: recipe, tensor: tensor, cancellation: cancellation) {
        (plan) throws(PreparationError) in
        do throws(CallFailure) { try memory.check(size(plan)) } catch {
          refusal = error
          // This error only ends the run. The `catch` below throws the refusal in its place.
          throw PreparationError(.canceled, stage: .write, error.message, remedy: "")
        }
      }
    } catch {
      throw refusal ?? CallFailure(error)
    }
  }

  /// The handling of a color profile when a result is restored.
  ///
  /// - Throws: A failure for a recipe that sets anything except the handling of profiles and the filter.
  func profileForRestoring() throws(CallFailure) -> Recipe.ProfileHandling {
    guard case .color(let profile, linear: false) = recipe.samples,
      recipe == Recipe(samples: recipe.samples, resamplingFilter: recipe.resamplingFilter), tensor == nil
    else {
      throw .recipe(
        "a restored image takes only profile and resampling_filter of a recipe, and no tensor format",
        "leave out the other fields")
    }
    return profile
  }
}
