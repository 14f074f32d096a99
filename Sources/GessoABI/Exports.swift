// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation, AlwaysUseLowerCamelCase
// The functions of Sources/CGesso/include/gesso.h, which documents them.
import CGesso
import Ground
import ImagePreparation

/// The version as text that is never freed.
nonisolated(unsafe) private let version: UnsafePointer<CChar> = {
  let text = Version.current.utf8CString
  let memory = UnsafeMutablePointer<CChar>.allocate(capacity: text.count)
  for (index, character) in text.enumerated() { memory[index] = character }
  return UnsafePointer(memory)
}()

@c @implementation
public func gesso_version() -> UnsafePointer<CChar>? { version }

@c @implementation
public func gesso_cancel_create() -> OpaquePointer? { CancellationFlag().handle }

@c @implementation
public func gesso_cancel_raise(_ cancel: OpaquePointer?) {
  if let cancel { CancellationFlag.of(cancel).cancel() }
}

@c @implementation
public func gesso_cancel_destroy(_ cancel: OpaquePointer?) {
  if let cancel { CancellationFlag.release(cancel) }
}

@c @implementation
public func gesso_model(
  _ name: UnsafePointer<CChar>?, _ recipe: UnsafeMutablePointer<gesso_recipe>?,
  _ error: UnsafeMutablePointer<gesso_error>?
) -> Int32 {
  call(error) { () throws(CallFailure) in
    let recipe = try required(recipe)
    guard let name = try text(name, "name") else { throw .misuse("the name is NULL", "give one") }
    guard let sizing = ModelSizing(named: name) else {
      let names = ModelSizing.known.flatMap { [$0.name] + $0.models }
      throw .recipe("\"\(name)\" is not a family of models", "use \(list(names)), or set the four fields")
    }
    recipe.pointee.model_multiple_of = Int32(sizing.multipleOf)
    recipe.pointee.model_min_side = Int32(sizing.minSide)
    recipe.pointee.model_max_side = Int32(sizing.maxSide)
    recipe.pointee.model_max_pixels = Int64(sizing.maxPixels)
  }
}

@c @implementation
public func gesso_inspect(
  _ request: UnsafePointer<gesso_request>?, _ description: UnsafeMutablePointer<gesso_description>?,
  _ error: UnsafeMutablePointer<gesso_error>?
) -> Int32 {
  call(error) { () throws(CallFailure) in
    let description = try required(description)
    let request = try Request(request, isForHeaders: true)
    let found = try preparing { () throws(PreparationError) in
      try request.preparer.inspectBlocking(request.source, cancellation: request.cancellation)
    }
    write(gesso_description(found), to: description)
  }
}

@c @implementation
public func gesso_plan(
  _ request: UnsafePointer<gesso_request>?, _ plan: UnsafeMutablePointer<gesso_plan_result>?,
  _ error: UnsafeMutablePointer<gesso_error>?
) -> Int32 {
  call(error) { () throws(CallFailure) in
    let plan = try required(plan)
    let request = try Request(request)
    let planned = try preparing { () throws(PreparationError) in
      try request.preparer.planBlocking(
        of: request.source, as: request.recipe, tensor: request.tensor, cancellation: request.cancellation)
    }
    write(gesso_plan_result(planned.plan), to: plan)
  }
}

@c @implementation
public func gesso_prepare(
  _ request: UnsafePointer<gesso_request>?, _ file: UnsafeMutableRawPointer?, _ capacity: Int,
  _ tensor: UnsafeMutablePointer<Float>?, _ values: Int, _ result: UnsafeMutablePointer<gesso_result>?,
  _ error: UnsafeMutablePointer<gesso_error>?
) -> Int32 {
  call(error) { () throws(CallFailure) in
    let result = try required(result)
    let file = try Memory(file?.assumingMemoryBound(to: UInt8.self), capacity, "bytes")
    let memory = try Memory(tensor, values, "floats")
    let request = try Request(request)
    guard request.tensor != nil || memory.isMissing else {
      throw .misuse("there is memory for a tensor, and the request has no format of one", "set its field tensor")
    }
    let image = try preparing { () throws(PreparationError) in
      try request.preparer.prepareBlocking(
        request.source, as: request.recipe, tensor: request.tensor, cancellation: request.cancellation)
    }
    try memory.check(image.tensor?.values.count ?? 0)
    try file.write(image.bytes)
    if let tensor = image.tensor { try memory.write(tensor.values) }
    write(gesso_result(image), to: result)
  }
}

@c @implementation
public func gesso_pixels(
  _ request: UnsafePointer<gesso_request>?, _ pixels: UnsafeMutablePointer<UInt8>?, _ capacity: Int,
  _ result: UnsafeMutablePointer<gesso_result>?, _ error: UnsafeMutablePointer<gesso_error>?
) -> Int32 {
  call(error) { () throws(CallFailure) in
    let result = try required(result)
    let memory = try Memory(pixels, capacity, "bytes")
    let made = try Request(request).run(tensor: nil, into: memory) { $0.largestPixelBytes }
    try memory.write(made.samples)
    write(gesso_result(made), to: result)
  }
}

@c @implementation
public func gesso_tensor(
  _ request: UnsafePointer<gesso_request>?, _ tensor: UnsafeMutablePointer<Float>?, _ values: Int,
  _ result: UnsafeMutablePointer<gesso_result>?, _ error: UnsafeMutablePointer<gesso_error>?
) -> Int32 {
  call(error) { () throws(CallFailure) in
    let result = try required(result)
    let memory = try Memory(tensor, values, "floats")
    let request = try Request(request)
    let made = try request.run(tensor: request.tensor ?? TensorFormat(), into: memory) { $0.tensorCount }
    try memory.write(made.tensor?.values ?? [])
    write(gesso_result(made), to: result)
  }
}

@c @implementation
public func gesso_restore(
  _ request: UnsafePointer<gesso_request>?, _ geometry: UnsafePointer<gesso_geometry>?, _ stretch: Int32,
  _ pixels: UnsafeMutablePointer<UInt8>?, _ capacity: Int, _ result: UnsafeMutablePointer<gesso_result>?,
  _ error: UnsafeMutablePointer<gesso_error>?
) -> Int32 {
  call(error) { () throws(CallFailure) in
    let result = try required(result)
    let memory = try Memory(pixels, capacity, "bytes")
    guard let geometry else { throw .misuse("the geometry is NULL", "give the one that a call wrote") }
    let record = try geometry.pointee.record()
    let request = try Request(request)
    let profile = try request.profileForRestoring()
    try preparing { () throws(PreparationError) in try record.check() }
    try memory.check(record.source.pixelCount * 4)
    let restored = try preparing { () throws(PreparationError) in
      try request.preparer.restoreBlocking(
        request.source, onto: record, profile: profile, resamplingFilter: request.recipe.resamplingFilter,
        stretching: stretch != 0, cancellation: request.cancellation)
    }
    try memory.write(restored.samples)
    write(gesso_result(restored), to: result)
  }
}
