import FlyingFox
import Foundation
import Testing

@testable import ScenarioSandbox

@Suite("The OpenAPI file")
struct ServiceDocumentTests {
  private static let text = String(decoding: PackageResources.scenario_openapi_yaml, as: UTF8.self)

  /// The values of the first list of plain scalars after the line `marker`. The list may be in either form of YAML.
  private func values(after marker: String) -> [String] {
    let lines = Self.text.split(separator: "\n").drop { $0 != marker[...] }.dropFirst()
    guard let start = lines.firstIndex(where: { $0.contains("enum:") }) else { return [] }
    let inline = lines[start].split(separator: "[").dropFirst().first?.dropLast()
    if let inline { return inline.split(separator: ", ").map(String.init) }
    return lines[(start + 1)...].prefix { $0.contains("        - ") }.map { String($0.split(separator: " ")[1]) }
  }

  @Test("every operation of the file is found")
  func operations() {
    let ids = Self.text.matches(of: /operationId: (\w+)\n/).map { String($0.1) }
    // Links repeat the ids of operations, so each id is counted once.
    #expect(Set(ids) == Set(ServiceDocument.operations.map(\.id)))
    #expect(ServiceDocument.operations.count == Set(ids).count)
    #expect(ServiceDocument.operations.allSatisfy { ["GET", "POST", "PUT", "DELETE", "PATCH"].contains($0.method) })
    #expect(
      ServiceDocument.operations.contains(.init(method: "POST", path: "/generate/img2img", id: "generateImg2Img")))
  }

  @Test("every served operation is in the file, and the four operations of the tutorial are served")
  func served() {
    let served = Set(Route.all.map(\.operation.id))
    #expect(Route.all.count == Route.handlers.count)
    #expect(served.isSuperset(of: ["uploadAsset", "getAsset", "generateImg2Img", "getJob"]))
  }

  @Test("every operation of the file answers or says that it is not served", arguments: ServiceDocument.operations)
  func reachable(operation: ServiceDocument.Operation) throws {
    let segments = operation.path.split(separator: "/").map { $0.hasPrefix("{") ? "some_id" : String($0) }
    do {
      #expect(try Route.match(method: operation.method, segments: segments).route.operation == operation)
    } catch {
      #expect(error.status.code == 501)
      #expect(Route.handlers[operation.id] == nil)
    }
  }

  @Test("enumerations are those of the OpenAPI file")
  func enumerations() {
    #expect(values(after: "    Scheduler:") == Img2ImgParameters.Scheduler.allCases.map(\.rawValue))
    #expect(Set(values(after: "    JobStatus:")) == Set(JobStatus.allCases.map(\.rawValue)))
  }
}
