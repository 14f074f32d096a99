internal import Foundation
internal import enum Ground.JSONValue

/// The JSON of replies: one type for each object of the OpenAPI file, keys spelled as there.
enum Wire {
  struct AssetEnvelope: Encodable { let asset: Asset }
  struct AssetList: Encodable {
    let assets: [Asset]
    var nextPaginationToken: String?
  }

  struct Asset: Encodable {
    struct Metadata: Encodable {
      var kind = "image"
      let type: String
      var name: String?
      let width: Int
      let height: Int
      let size: Int
      var prompt: String?
      var modelId: String?
      var parentId: String?
      var rootParentId: String?
      var parentJobId: String?
      var strength: Double?
      var guidance: Double?
      var numInferenceSteps: Int?
      var seed: String?
    }
    struct Properties: Encodable {
      let size: Int
      let width: Int
      let height: Int
    }

    let id: String
    let url: String
    let mimeType: String
    var kind = "image"
    let source: String
    var status = "success"
    let ownerId: String
    let authorId: String
    let createdAt: Timestamp
    let updatedAt: Timestamp
    var privacy = "private"
    var tags: [String] = []
    let collectionIds: [String]
    var editCapabilities: [String] = []
    let metadata: Metadata
    let properties: Properties
    var description: String?
    var isHidden: Bool?
    var outputIndex: Int?
  }

  struct JobEnvelope: Encodable { let job: Job }
  struct JobList: Encodable {
    let jobs: [JSONValue]
    var nextPaginationToken: String?
  }

  struct Job: Encodable {
    struct Metadata: Encodable {
      let assetIds: [String]
      var error: String?
      var hint: String?
      var input: JobInput?
    }
    struct State: Encodable {
      let status: JobStatus
      let date: Timestamp
    }
    struct Billing: Encodable {
      let cuCost: Double
      var cuDiscount = 0.0
    }

    let jobId: String
    let jobType: String
    let status: JobStatus
    let progress: Double
    let authorId: String
    let ownerId: String
    let metadata: Metadata
    let statusHistory: [State]
    let billing: Billing
    let createdAt: Timestamp
    let updatedAt: Timestamp
    /// The sandbox's own key; the service has none of this name.
    var sandbox = SandboxNotice.text
  }

  struct InferenceStarted: Encodable {
    let creativeUnitsCost: Double
    var creativeUnitsDiscount = 0.0
    let inference: Inference
    let job: Job
    /// The sandbox's own key; the service has none of this name.
    var sandbox = SandboxNotice.text
  }

  struct CustomStarted: Encodable {
    let creativeUnitsCost: Double
    var creativeUnitsDiscount = 0.0
    let costDetails: [String: Double]
    let job: Job
    /// The sandbox's own key; the service has none of this name.
    var sandbox = SandboxNotice.text
  }

  struct Download: Encodable {
    let url: String
    let mimeType: String
  }

  struct UploadEnvelope: Encodable { let upload: Upload }

  struct Upload: Encodable {
    struct Part: Encodable {
      let number: Int
      let url: String
      let expires: Timestamp
    }

    let id: String
    let status: UploadStatus
    var kind = "image"
    var source = "multipart"
    let fileName: String
    let authorId: String
    let ownerId: String
    let createdAt: Timestamp
    let updatedAt: Timestamp
    let originalFileName: String
    let partsCount: Int
    let fileSize: Int
    let contentType: String
    let entityId: String?
    let errorMessage: String?
    let parts: [Part]?
  }

  /// The accepted settings, with defaults filled in.
  struct Inference: Encodable {
    let type: String
    let image: String
    let imageId: String
    var mask: String?
    var maskId: String?
    var controlImage: String?
    var controlImageId: String?
    var modality: String?
    let prompt: String
    let strength: Double?
    let seed: String
    let numSamples: Int
    let numInferenceSteps: Int
    let guidance: Double
    let width: Int
    let height: Int
    var negativePrompt: String?
    let hideResults: Bool
  }

  struct DryRun: Encodable {
    let creativeUnitsCost: Double
    var creativeUnitsDiscount = 0.0
    var costDetails: [String: Double] = [:]
  }

  struct ModelEnvelope: Encodable { let model: Model }

  /// A time as the service writes it, for example `2026-10-02T09:14:33.120Z`.
  struct Timestamp: Encodable {
    let date: Date
    init(_ date: Date) { self.date = date }

    static let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)

    /// A time as the `Date` field of a reply has it: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7).
    static func field(_ date: Date) -> String { date.formatted(fieldStyle) + " GMT" }

    private static let fieldStyle = Date.VerbatimFormatStyle(
      format: """
        \(weekday: .abbreviated), \(day: .twoDigits) \(month: .abbreviated) \(year: .defaultDigits) \
        \(hour: .twoDigits(clock: .twentyFourHour, hourCycle: .zeroBased)):\(minute: .twoDigits):\(second: .twoDigits)
        """, locale: Locale(identifier: "en_US_POSIX"), timeZone: .gmt, calendar: Calendar(identifier: .gregorian))

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      try container.encode(date.formatted(Self.style))
    }
  }
}

/// The notice in every reply and log line, which distinguishes the sandbox from the service.
enum SandboxNotice {
  /// The name of the reply header.
  static let header = "X-Gesso-Sandbox"
  /// Its value.
  static let text = "nothing was generated"
}
