import Driver
@testable import ImagePreparation

/// Reads the reply of a helper process. The first byte selects the request. Traps if a reply is longer than allowed.
func read(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let start, count > 1 else { return 0 }
  var rest = UnsafeBufferPointer(start: start + 1, count: count - 1)[...]
  let limits = Limits(maxProfileBytes: 4096, maxMetadataBytes: 4096)
  var received = 0
  do throws(HelperFault) {
    let reply = try HelperReply(isDescription: start[0] & 1 == 1, limits: limits) { wanted throws(HelperFault) in
      guard wanted <= rest.count else { throw .ended(signal: 0) }
      defer { rest = rest.dropFirst(wanted) }
      received += wanted
      return Array(rest.prefix(wanted))
    }
    precondition(received <= 52 + 4096 + 4096 + 512)
    precondition(reply.text.utf8.allSatisfy { (32..<127).contains($0) })
    precondition(start[0] & 1 == 0 || (reply.size.width > 0 && reply.size.height > 0 && (8...16).contains(reply.bits)))
  } catch {
    // Making the message of an error must not trap, whatever the error is.
    _ = HelperFaults(HEICKind.self, limits).readFault(error)
    _ = HelperFaults(AVIFKind.self, limits).pixelFault(error)
  }
  return 0
}

fuzz(read)
