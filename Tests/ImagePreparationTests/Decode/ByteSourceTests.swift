import Foundation
import TestSupport
import Testing

@testable import ImagePreparation

@Suite("Byte sources")
struct ByteSourceTests {
  static let images = [
    "jpeg/coded/420-restart.jpg", "jpeg/coded/444-progressive-restart.jpg", "png/pngsuite/basi6a16.png",
  ]

  /// A window of 600 bytes ends within every structure of the files at some place.
  @Test("a window, memory and a pipe give the same pixels", arguments: images, [600, 4096, 65_536])
  func sameWhateverTheSource(name: String, window: Int) throws {
    let path = Fixtures.path(name)
    let whole = try DecodedImage.decode(.memory(Fixtures.bytes(name)))
    #expect(try DecodedImage.decode(.file(path), window: window) == whole)

    let pipe = Pipe()
    let bytes = try Fixtures.bytes(name)
    let writer = Thread {
      pipe.fileHandleForWriting.write(Data(bytes))
      try? pipe.fileHandleForWriting.close()
    }
    writer.start()
    let piped = try DecodedImage.decode(
      .descriptor(pipe.fileHandleForReading.fileDescriptor), cancellation: CancellationFlag(), window: window)
    #expect(piped == whole)
  }

  @Test("a pipe that does not block gives the same pixels, however late its bytes come", arguments: images)
  func nonBlocking(name: String) throws {
    let (pipe, bytes) = (Pipe(), try Fixtures.bytes(name))
    let descriptor = pipe.fileHandleForReading.fileDescriptor
    try #require(fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0)
    let writer = Thread {
      for part in stride(from: 0, to: bytes.count, by: bytes.count / 4 + 1) {
        // Each part is written once the part before it was read.
        var waiting: Int32 = 1
        repeat { _ = unsafe ioctl(descriptor, UInt(FIONREAD), &waiting) } while waiting > 0
        pipe.fileHandleForWriting.write(Data(bytes[part..<min(part + bytes.count / 4 + 1, bytes.count)]))
      }
      try? pipe.fileHandleForWriting.close()
    }
    writer.start()
    let piped = try DecodedImage.decode(.descriptor(descriptor))
    #expect(try piped == DecodedImage.decode(.memory(bytes)))
  }

  @Test("peeking consumes nothing and stops at the end")
  func peek() throws {
    let source = try ByteSource(.memory([1, 2, 3]))
    #expect(try source.peek(2) == [1, 2])
    #expect(try source.peek(9) == [1, 2, 3])
    let path = Fixtures.path("png/pngsuite/basn0g01.png")
    let file = try ByteSource(.file(path), window: 16)
    #expect(try file.peek(4) == [0x89, 0x50, 0x4E, 0x47])
    #expect(try file.peek(100).count == 16)
  }

  @Test(
    "each failure to open a source has its code",
    arguments: [
      (ImageSource.file("/nowhere/at/all.jpg"), PreparationError.Code.notFound),
      (.file(Fixtures.path("README.md/below-a-file.jpg")), .notFound),
      (.file(Fixtures.path("jpeg")), .unreadable),
      (.descriptor(-1), .unreadable),
      (.memory([]), .empty),
      (.file(Fixtures.path("foreign/empty.jpg")), .empty),
    ])
  func refused(source: ImageSource, code: PreparationError.Code) throws {
    let error = try #require(failure { () throws(PreparationError) in try ImagePreparer().inspectBlocking(source) })
    #expect(error.code == code)
    #expect(error.stage == .open)
    #expect(!error.remedy.isEmpty)
  }

  @Test("a raised flag ends the wait for a pipe that nobody writes to")
  func canceledWait() throws {
    let pipe = Pipe()
    let flag = CancellationFlag()
    flag.cancel()
    let error = failure { () throws(PreparationError) in
      try ImagePreparer().inspectBlocking(.descriptor(pipe.fileHandleForReading.fileDescriptor), cancellation: flag)
    }
    #expect(error?.code == .canceled)
  }
}
