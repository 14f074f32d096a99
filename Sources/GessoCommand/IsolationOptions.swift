internal import ArgumentParser
internal import Foundation
internal import ImagePreparation

/// The flags of verbs that decode images whose origin is not trusted.
struct IsolationOptions: ParsableArguments {
  @Flag(
    help:
      "Decode every image in a process that can open no file, use no network and start nothing (Linux; default: for images from an address, and from a pipe that is read twice)."
  )
  var isolate = false

  @Flag(name: .customLong("no-isolate"), help: "Decode every image in this process.")
  var noIsolate = false

  init() {}

  mutating func validate() throws {
    if isolate, noIsolate { throw ValidationError("--isolate and --no-isolate exclude each other: keep one") }
    #if !os(Linux)
    if isolate { throw ValidationError("--isolate needs Linux: leave it out, or run gesso in a virtual machine") }
    #endif
  }

  /// The isolation that the flags ask for; nil for none.
  var isolation: Isolation? {
    #if os(Linux)
    noIsolate ? nil : Isolation(isolate ? .all : .memory, by: Self.workers)
    #else
    nil
    #endif
  }

  /// The processes, which are started when the first image needs one.
  static let workers = WorkerPool(JSONCoder())
}

/// Values as JSON, between this process and the isolated ones.
struct JSONCoder: IsolationCoder {
  func bytes(of value: some Encodable) -> [UInt8]? { (try? JSONEncoder().encode(value)).map { [UInt8]($0) } }

  func value<Value: Decodable>(_ type: Value.Type, in bytes: [UInt8]) -> Value? {
    try? JSONDecoder().decode(type, from: Data(bytes))
  }
}
