//! Made by `cargo xtask gen` from `schema/icat-6.2.json`; do not edit.

use crate::schema::{Entity, EnumDef, Field, FieldKind, ToMany, ToOne};

#[rustfmt::skip]
static PARAMETER_VALUE_TYPE: EnumDef = EnumDef { name: "ParameterValueType", values: &["DATE_AND_TIME", "NUMERIC", "STRING"] };
#[rustfmt::skip]
static STUDY_STATUS: EnumDef = EnumDef { name: "StudyStatus", values: &["NEW", "IN_PROGRESS", "COMPLETE", "CANCELLED"] };

#[rustfmt::skip]
pub static ENTITIES: &[Entity] = &[
    Entity {
        name: "User",
        table: "user_",
        fields: &[
            Field { name: "affiliation", column: "affiliation", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "email", column: "email", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "familyName", column: "familyname", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "fullName", column: "fullname", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "givenName", column: "givenname", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "name", column: "name", kind: FieldKind::String, length: 255, nullable: false },
            Field { name: "orcidId", column: "orcidid", kind: FieldKind::String, length: 255, nullable: true },
        ],
        one: &[
        ],
        many: &[
            ToMany { name: "dataPublicationUsers", target: "DataPublicationUser", mapped_by: "user" },
            ToMany { name: "instrumentScientists", target: "InstrumentScientist", mapped_by: "user" },
            ToMany { name: "investigationUsers", target: "InvestigationUser", mapped_by: "user" },
            ToMany { name: "studies", target: "Study", mapped_by: "user" },
            ToMany { name: "userGroups", target: "UserGroup", mapped_by: "user" },
        ],
        unique: &["name"],
    },
    Entity {
        name: "Grouping",
        table: "grouping",
        fields: &[
            Field { name: "name", column: "name", kind: FieldKind::String, length: 255, nullable: false },
        ],
        one: &[
        ],
        many: &[
            ToMany { name: "investigationGroups", target: "InvestigationGroup", mapped_by: "grouping" },
            ToMany { name: "rules", target: "Rule", mapped_by: "grouping" },
            ToMany { name: "userGroups", target: "UserGroup", mapped_by: "grouping" },
        ],
        unique: &["name"],
    },
    Entity {
        name: "UserGroup",
        table: "usergroup",
        fields: &[
        ],
        one: &[
            ToOne { name: "grouping", column: "group_id", target: "Grouping", nullable: false },
            ToOne { name: "user", column: "user_id", target: "User", nullable: false },
        ],
        many: &[
        ],
        unique: &["user", "grouping"],
    },
    Entity {
        name: "Rule",
        table: "rule_",
        fields: &[
            Field { name: "crudFlags", column: "crudflags", kind: FieldKind::String, length: 4, nullable: false },
            Field { name: "what", column: "what", kind: FieldKind::String, length: 1024, nullable: false },
        ],
        one: &[
            ToOne { name: "grouping", column: "grouping_id", target: "Grouping", nullable: true },
        ],
        many: &[
        ],
        unique: &[],
    },
    Entity {
        name: "PublicStep",
        table: "publicstep",
        fields: &[
            Field { name: "field", column: "field", kind: FieldKind::String, length: 32, nullable: false },
            Field { name: "origin", column: "origin", kind: FieldKind::String, length: 32, nullable: false },
        ],
        one: &[
        ],
        many: &[
        ],
        unique: &["origin", "field"],
    },
    Entity {
        name: "Facility",
        table: "facility",
        fields: &[
            Field { name: "daysUntilRelease", column: "daysuntilrelease", kind: FieldKind::Integer, length: 0, nullable: true },
            Field { name: "description", column: "description", kind: FieldKind::String, length: 1023, nullable: true },
            Field { name: "fullName", column: "fullname", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "name", column: "name", kind: FieldKind::String, length: 255, nullable: false },
            Field { name: "url", column: "url", kind: FieldKind::String, length: 255, nullable: true },
        ],
        one: &[
        ],
        many: &[
            ToMany { name: "applications", target: "Application", mapped_by: "facility" },
            ToMany { name: "dataPublicationTypes", target: "DataPublicationType", mapped_by: "facility" },
            ToMany { name: "dataPublications", target: "DataPublication", mapped_by: "facility" },
            ToMany { name: "datafileFormats", target: "DatafileFormat", mapped_by: "facility" },
            ToMany { name: "datasetTypes", target: "DatasetType", mapped_by: "facility" },
            ToMany { name: "facilityCycles", target: "FacilityCycle", mapped_by: "facility" },
            ToMany { name: "instruments", target: "Instrument", mapped_by: "facility" },
            ToMany { name: "investigationTypes", target: "InvestigationType", mapped_by: "facility" },
            ToMany { name: "investigations", target: "Investigation", mapped_by: "facility" },
            ToMany { name: "parameterTypes", target: "ParameterType", mapped_by: "facility" },
            ToMany { name: "sampleTypes", target: "SampleType", mapped_by: "facility" },
        ],
        unique: &["name"],
    },
    Entity {
        name: "DatafileFormat",
        table: "datafileformat",
        fields: &[
            Field { name: "description", column: "description", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "name", column: "name", kind: FieldKind::String, length: 255, nullable: false },
            Field { name: "type", column: "type", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "version", column: "version", kind: FieldKind::String, length: 255, nullable: false },
        ],
        one: &[
            ToOne { name: "facility", column: "facility_id", target: "Facility", nullable: false },
        ],
        many: &[
            ToMany { name: "datafiles", target: "Datafile", mapped_by: "datafileFormat" },
        ],
        unique: &["facility", "name", "version"],
    },
    Entity {
        name: "Application",
        table: "application",
        fields: &[
            Field { name: "name", column: "name", kind: FieldKind::String, length: 255, nullable: false },
            Field { name: "version", column: "version", kind: FieldKind::String, length: 255, nullable: false },
        ],
        one: &[
            ToOne { name: "facility", column: "facility_id", target: "Facility", nullable: false },
        ],
        many: &[
            ToMany { name: "jobs", target: "Job", mapped_by: "application" },
        ],
        unique: &["facility", "name", "version"],
    },
    Entity {
        name: "Instrument",
        table: "instrument",
        fields: &[
            Field { name: "description", column: "description", kind: FieldKind::String, length: 4000, nullable: true },
            Field { name: "endDate", column: "enddate", kind: FieldKind::Date, length: 0, nullable: true },
            Field { name: "fullName", column: "fullname", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "name", column: "name", kind: FieldKind::String, length: 255, nullable: false },
            Field { name: "pid", column: "pid", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "startDate", column: "startdate", kind: FieldKind::Date, length: 0, nullable: true },
            Field { name: "type", column: "type", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "url", column: "url", kind: FieldKind::String, length: 255, nullable: true },
        ],
        one: &[
            ToOne { name: "facility", column: "facility_id", target: "Facility", nullable: false },
        ],
        many: &[
            ToMany { name: "datasetInstruments", target: "DatasetInstrument", mapped_by: "instrument" },
            ToMany { name: "instrumentScientists", target: "InstrumentScientist", mapped_by: "instrument" },
            ToMany { name: "investigationInstruments", target: "InvestigationInstrument", mapped_by: "instrument" },
            ToMany { name: "shifts", target: "Shift", mapped_by: "instrument" },
        ],
        unique: &["facility", "name"],
    },
    Entity {
        name: "InvestigationType",
        table: "investigationtype",
        fields: &[
            Field { name: "description", column: "description", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "name", column: "name", kind: FieldKind::String, length: 255, nullable: false },
        ],
        one: &[
            ToOne { name: "facility", column: "facility_id", target: "Facility", nullable: false },
        ],
        many: &[
            ToMany { name: "investigations", target: "Investigation", mapped_by: "type" },
        ],
        unique: &["name", "facility"],
    },
    Entity {
        name: "DatasetType",
        table: "datasettype",
        fields: &[
            Field { name: "description", column: "description", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "name", column: "name", kind: FieldKind::String, length: 255, nullable: false },
        ],
        one: &[
            ToOne { name: "facility", column: "facility_id", target: "Facility", nullable: false },
        ],
        many: &[
            ToMany { name: "datasets", target: "Dataset", mapped_by: "type" },
        ],
        unique: &["facility", "name"],
    },
    Entity {
        name: "ParameterType",
        table: "parametertype",
        fields: &[
            Field { name: "applicableToDataCollection", column: "applicabletodatacollection", kind: FieldKind::Boolean, length: 0, nullable: true },
            Field { name: "applicableToDatafile", column: "applicabletodatafile", kind: FieldKind::Boolean, length: 0, nullable: true },
            Field { name: "applicableToDataset", column: "applicabletodataset", kind: FieldKind::Boolean, length: 0, nullable: true },
            Field { name: "applicableToInvestigation", column: "applicabletoinvestigation", kind: FieldKind::Boolean, length: 0, nullable: true },
            Field { name: "applicableToSample", column: "applicabletosample", kind: FieldKind::Boolean, length: 0, nullable: true },
            Field { name: "description", column: "description", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "enforced", column: "enforced", kind: FieldKind::Boolean, length: 0, nullable: true },
            Field { name: "maximumNumericValue", column: "maximumnumericvalue", kind: FieldKind::Double, length: 0, nullable: true },
            Field { name: "minimumNumericValue", column: "minimumnumericvalue", kind: FieldKind::Double, length: 0, nullable: true },
            Field { name: "name", column: "name", kind: FieldKind::String, length: 255, nullable: false },
            Field { name: "pid", column: "pid", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "units", column: "units", kind: FieldKind::String, length: 255, nullable: false },
            Field { name: "unitsFullName", column: "unitsfullname", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "valueType", column: "valuetype", kind: FieldKind::Enum(&PARAMETER_VALUE_TYPE), length: 0, nullable: false },
            Field { name: "verified", column: "verified", kind: FieldKind::Boolean, length: 0, nullable: true },
        ],
        one: &[
            ToOne { name: "facility", column: "facility_id", target: "Facility", nullable: false },
        ],
        many: &[
            ToMany { name: "dataCollectionParameters", target: "DataCollectionParameter", mapped_by: "type" },
            ToMany { name: "datafileParameters", target: "DatafileParameter", mapped_by: "type" },
            ToMany { name: "datasetParameters", target: "DatasetParameter", mapped_by: "type" },
            ToMany { name: "investigationParameters", target: "InvestigationParameter", mapped_by: "type" },
            ToMany { name: "permissibleStringValues", target: "PermissibleStringValue", mapped_by: "type" },
            ToMany { name: "sampleParameters", target: "SampleParameter", mapped_by: "type" },
        ],
        unique: &["facility", "name", "units"],
    },
    Entity {
        name: "SampleType",
        table: "sampletype",
        fields: &[
            Field { name: "molecularFormula", column: "molecularformula", kind: FieldKind::String, length: 255, nullable: false },
            Field { name: "name", column: "name", kind: FieldKind::String, length: 255, nullable: false },
            Field { name: "safetyInformation", column: "safetyinformation", kind: FieldKind::String, length: 4000, nullable: true },
        ],
        one: &[
            ToOne { name: "facility", column: "facility_id", target: "Facility", nullable: false },
        ],
        many: &[
            ToMany { name: "samples", target: "Sample", mapped_by: "type" },
        ],
        unique: &["facility", "name", "molecularFormula"],
    },
    Entity {
        name: "Investigation",
        table: "investigation",
        fields: &[
            Field { name: "doi", column: "doi", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "endDate", column: "enddate", kind: FieldKind::Date, length: 0, nullable: true },
            Field { name: "fileCount", column: "filecount", kind: FieldKind::Long, length: 0, nullable: true },
            Field { name: "fileSize", column: "filesize", kind: FieldKind::Long, length: 0, nullable: true },
            Field { name: "name", column: "name", kind: FieldKind::String, length: 255, nullable: false },
            Field { name: "releaseDate", column: "releasedate", kind: FieldKind::Date, length: 0, nullable: true },
            Field { name: "startDate", column: "startdate", kind: FieldKind::Date, length: 0, nullable: true },
            Field { name: "summary", column: "summary", kind: FieldKind::String, length: 4000, nullable: true },
            Field { name: "title", column: "title", kind: FieldKind::String, length: 255, nullable: false },
            Field { name: "visitId", column: "visit_id", kind: FieldKind::String, length: 255, nullable: false },
        ],
        one: &[
            ToOne { name: "facility", column: "facility_id", target: "Facility", nullable: false },
            ToOne { name: "type", column: "type_id", target: "InvestigationType", nullable: false },
        ],
        many: &[
            ToMany { name: "dataCollectionInvestigations", target: "DataCollectionInvestigation", mapped_by: "investigation" },
            ToMany { name: "datasets", target: "Dataset", mapped_by: "investigation" },
            ToMany { name: "fundingReferences", target: "InvestigationFunding", mapped_by: "investigation" },
            ToMany { name: "investigationFacilityCycles", target: "InvestigationFacilityCycle", mapped_by: "investigation" },
            ToMany { name: "investigationGroups", target: "InvestigationGroup", mapped_by: "investigation" },
            ToMany { name: "investigationInstruments", target: "InvestigationInstrument", mapped_by: "investigation" },
            ToMany { name: "investigationUsers", target: "InvestigationUser", mapped_by: "investigation" },
            ToMany { name: "keywords", target: "Keyword", mapped_by: "investigation" },
            ToMany { name: "parameters", target: "InvestigationParameter", mapped_by: "investigation" },
            ToMany { name: "publications", target: "Publication", mapped_by: "investigation" },
            ToMany { name: "samples", target: "Sample", mapped_by: "investigation" },
            ToMany { name: "shifts", target: "Shift", mapped_by: "investigation" },
            ToMany { name: "studyInvestigations", target: "StudyInvestigation", mapped_by: "investigation" },
        ],
        unique: &["facility", "name", "visitId"],
    },
    Entity {
        name: "Sample",
        table: "sample",
        fields: &[
            Field { name: "name", column: "name", kind: FieldKind::String, length: 255, nullable: false },
            Field { name: "pid", column: "pid", kind: FieldKind::String, length: 255, nullable: true },
        ],
        one: &[
            ToOne { name: "investigation", column: "investigation_id", target: "Investigation", nullable: false },
            ToOne { name: "type", column: "sampletype_id", target: "SampleType", nullable: true },
        ],
        many: &[
            ToMany { name: "datasets", target: "Dataset", mapped_by: "sample" },
            ToMany { name: "parameters", target: "SampleParameter", mapped_by: "sample" },
        ],
        unique: &["investigation", "name"],
    },
    Entity {
        name: "Dataset",
        table: "dataset",
        fields: &[
            Field { name: "complete", column: "complete", kind: FieldKind::Boolean, length: 0, nullable: false },
            Field { name: "description", column: "description", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "doi", column: "doi", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "endDate", column: "end_date", kind: FieldKind::Date, length: 0, nullable: true },
            Field { name: "fileCount", column: "filecount", kind: FieldKind::Long, length: 0, nullable: true },
            Field { name: "fileSize", column: "filesize", kind: FieldKind::Long, length: 0, nullable: true },
            Field { name: "location", column: "location", kind: FieldKind::String, length: 511, nullable: true },
            Field { name: "name", column: "name", kind: FieldKind::String, length: 255, nullable: false },
            Field { name: "startDate", column: "startdate", kind: FieldKind::Date, length: 0, nullable: true },
        ],
        one: &[
            ToOne { name: "investigation", column: "investigation_id", target: "Investigation", nullable: false },
            ToOne { name: "sample", column: "sample_id", target: "Sample", nullable: true },
            ToOne { name: "type", column: "type_id", target: "DatasetType", nullable: false },
        ],
        many: &[
            ToMany { name: "dataCollectionDatasets", target: "DataCollectionDataset", mapped_by: "dataset" },
            ToMany { name: "datafiles", target: "Datafile", mapped_by: "dataset" },
            ToMany { name: "datasetInstruments", target: "DatasetInstrument", mapped_by: "dataset" },
            ToMany { name: "datasetTechniques", target: "DatasetTechnique", mapped_by: "dataset" },
            ToMany { name: "parameters", target: "DatasetParameter", mapped_by: "dataset" },
        ],
        unique: &["investigation", "name"],
    },
    Entity {
        name: "Datafile",
        table: "datafile",
        fields: &[
            Field { name: "checksum", column: "checksum", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "datafileCreateTime", column: "datafilecreatetime", kind: FieldKind::Date, length: 0, nullable: true },
            Field { name: "datafileModTime", column: "datafilemodtime", kind: FieldKind::Date, length: 0, nullable: true },
            Field { name: "description", column: "description", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "doi", column: "doi", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "fileSize", column: "filesize", kind: FieldKind::Long, length: 0, nullable: true },
            Field { name: "location", column: "location", kind: FieldKind::String, length: 511, nullable: true },
            Field { name: "name", column: "name", kind: FieldKind::String, length: 255, nullable: false },
        ],
        one: &[
            ToOne { name: "datafileFormat", column: "datafileformat_id", target: "DatafileFormat", nullable: true },
            ToOne { name: "dataset", column: "dataset_id", target: "Dataset", nullable: false },
        ],
        many: &[
            ToMany { name: "dataCollectionDatafiles", target: "DataCollectionDatafile", mapped_by: "datafile" },
            ToMany { name: "destDatafiles", target: "RelatedDatafile", mapped_by: "destDatafile" },
            ToMany { name: "parameters", target: "DatafileParameter", mapped_by: "datafile" },
            ToMany { name: "sourceDatafiles", target: "RelatedDatafile", mapped_by: "sourceDatafile" },
        ],
        unique: &["dataset", "name"],
    },
    Entity {
        name: "FacilityCycle",
        table: "facilitycycle",
        fields: &[
            Field { name: "description", column: "description", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "endDate", column: "enddate", kind: FieldKind::Date, length: 0, nullable: true },
            Field { name: "name", column: "name", kind: FieldKind::String, length: 255, nullable: false },
            Field { name: "startDate", column: "startdate", kind: FieldKind::Date, length: 0, nullable: true },
        ],
        one: &[
            ToOne { name: "facility", column: "facility_id", target: "Facility", nullable: false },
        ],
        many: &[
            ToMany { name: "investigationFacilityCycles", target: "InvestigationFacilityCycle", mapped_by: "facilityCycle" },
        ],
        unique: &["facility", "name"],
    },
    Entity {
        name: "DataCollection",
        table: "datacollection",
        fields: &[
            Field { name: "doi", column: "doi", kind: FieldKind::String, length: 255, nullable: true },
        ],
        one: &[
        ],
        many: &[
            ToMany { name: "dataCollectionDatafiles", target: "DataCollectionDatafile", mapped_by: "dataCollection" },
            ToMany { name: "dataCollectionDatasets", target: "DataCollectionDataset", mapped_by: "dataCollection" },
            ToMany { name: "dataCollectionInvestigations", target: "DataCollectionInvestigation", mapped_by: "dataCollection" },
            ToMany { name: "dataPublications", target: "DataPublication", mapped_by: "content" },
            ToMany { name: "jobsAsInput", target: "Job", mapped_by: "inputDataCollection" },
            ToMany { name: "jobsAsOutput", target: "Job", mapped_by: "outputDataCollection" },
            ToMany { name: "parameters", target: "DataCollectionParameter", mapped_by: "dataCollection" },
        ],
        unique: &[],
    },
    Entity {
        name: "DataCollectionDatafile",
        table: "datacollectiondatafile",
        fields: &[
        ],
        one: &[
            ToOne { name: "dataCollection", column: "datacollection_id", target: "DataCollection", nullable: false },
            ToOne { name: "datafile", column: "datafile_id", target: "Datafile", nullable: false },
        ],
        many: &[
        ],
        unique: &["dataCollection", "datafile"],
    },
    Entity {
        name: "DataCollectionDataset",
        table: "datacollectiondataset",
        fields: &[
        ],
        one: &[
            ToOne { name: "dataCollection", column: "datacollection_id", target: "DataCollection", nullable: false },
            ToOne { name: "dataset", column: "dataset_id", target: "Dataset", nullable: false },
        ],
        many: &[
        ],
        unique: &["dataCollection", "dataset"],
    },
    Entity {
        name: "DataCollectionInvestigation",
        table: "datacollectioninvestigation",
        fields: &[
        ],
        one: &[
            ToOne { name: "dataCollection", column: "datacollection_id", target: "DataCollection", nullable: false },
            ToOne { name: "investigation", column: "investigation_id", target: "Investigation", nullable: false },
        ],
        many: &[
        ],
        unique: &["dataCollection", "investigation"],
    },
    Entity {
        name: "DataCollectionParameter",
        table: "datacollectionparameter",
        fields: &[
            Field { name: "dateTimeValue", column: "datetime_value", kind: FieldKind::Date, length: 0, nullable: true },
            Field { name: "error", column: "error", kind: FieldKind::Double, length: 0, nullable: true },
            Field { name: "numericValue", column: "numeric_value", kind: FieldKind::Double, length: 0, nullable: true },
            Field { name: "rangeBottom", column: "rangebottom", kind: FieldKind::Double, length: 0, nullable: true },
            Field { name: "rangeTop", column: "rangetop", kind: FieldKind::Double, length: 0, nullable: true },
            Field { name: "stringValue", column: "string_value", kind: FieldKind::String, length: 4000, nullable: true },
        ],
        one: &[
            ToOne { name: "dataCollection", column: "datacollection_id", target: "DataCollection", nullable: false },
            ToOne { name: "type", column: "parameter_type_id", target: "ParameterType", nullable: false },
        ],
        many: &[
        ],
        unique: &["dataCollection", "type"],
    },
    Entity {
        name: "DatafileParameter",
        table: "datafileparameter",
        fields: &[
            Field { name: "dateTimeValue", column: "datetime_value", kind: FieldKind::Date, length: 0, nullable: true },
            Field { name: "error", column: "error", kind: FieldKind::Double, length: 0, nullable: true },
            Field { name: "numericValue", column: "numeric_value", kind: FieldKind::Double, length: 0, nullable: true },
            Field { name: "rangeBottom", column: "rangebottom", kind: FieldKind::Double, length: 0, nullable: true },
            Field { name: "rangeTop", column: "rangetop", kind: FieldKind::Double, length: 0, nullable: true },
            Field { name: "stringValue", column: "string_value", kind: FieldKind::String, length: 4000, nullable: true },
        ],
        one: &[
            ToOne { name: "datafile", column: "datafile_id", target: "Datafile", nullable: false },
            ToOne { name: "type", column: "parameter_type_id", target: "ParameterType", nullable: false },
        ],
        many: &[
        ],
        unique: &["datafile", "type"],
    },
    Entity {
        name: "DatasetParameter",
        table: "datasetparameter",
        fields: &[
            Field { name: "dateTimeValue", column: "datetime_value", kind: FieldKind::Date, length: 0, nullable: true },
            Field { name: "error", column: "error", kind: FieldKind::Double, length: 0, nullable: true },
            Field { name: "numericValue", column: "numeric_value", kind: FieldKind::Double, length: 0, nullable: true },
            Field { name: "rangeBottom", column: "rangebottom", kind: FieldKind::Double, length: 0, nullable: true },
            Field { name: "rangeTop", column: "rangetop", kind: FieldKind::Double, length: 0, nullable: true },
            Field { name: "stringValue", column: "string_value", kind: FieldKind::String, length: 4000, nullable: true },
        ],
        one: &[
            ToOne { name: "dataset", column: "dataset_id", target: "Dataset", nullable: false },
            ToOne { name: "type", column: "parameter_type_id", target: "ParameterType", nullable: false },
        ],
        many: &[
        ],
        unique: &["dataset", "type"],
    },
    Entity {
        name: "InvestigationParameter",
        table: "investigationparameter",
        fields: &[
            Field { name: "dateTimeValue", column: "datetime_value", kind: FieldKind::Date, length: 0, nullable: true },
            Field { name: "error", column: "error", kind: FieldKind::Double, length: 0, nullable: true },
            Field { name: "numericValue", column: "numeric_value", kind: FieldKind::Double, length: 0, nullable: true },
            Field { name: "rangeBottom", column: "rangebottom", kind: FieldKind::Double, length: 0, nullable: true },
            Field { name: "rangeTop", column: "rangetop", kind: FieldKind::Double, length: 0, nullable: true },
            Field { name: "stringValue", column: "string_value", kind: FieldKind::String, length: 4000, nullable: true },
        ],
        one: &[
            ToOne { name: "investigation", column: "investigation_id", target: "Investigation", nullable: false },
            ToOne { name: "type", column: "parameter_type_id", target: "ParameterType", nullable: false },
        ],
        many: &[
        ],
        unique: &["investigation", "type"],
    },
    Entity {
        name: "Job",
        table: "job",
        fields: &[
            Field { name: "arguments", column: "arguments", kind: FieldKind::String, length: 255, nullable: true },
        ],
        one: &[
            ToOne { name: "application", column: "application_id", target: "Application", nullable: false },
            ToOne { name: "inputDataCollection", column: "inputdatacollection_id", target: "DataCollection", nullable: true },
            ToOne { name: "outputDataCollection", column: "outputdatacollection_id", target: "DataCollection", nullable: true },
        ],
        many: &[
        ],
        unique: &[],
    },
    Entity {
        name: "Keyword",
        table: "keyword",
        fields: &[
            Field { name: "name", column: "name", kind: FieldKind::String, length: 255, nullable: false },
        ],
        one: &[
            ToOne { name: "investigation", column: "investigation_id", target: "Investigation", nullable: false },
        ],
        many: &[
        ],
        unique: &["name", "investigation"],
    },
    Entity {
        name: "Technique",
        table: "technique",
        fields: &[
            Field { name: "description", column: "description", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "name", column: "name", kind: FieldKind::String, length: 255, nullable: false },
            Field { name: "pid", column: "pid", kind: FieldKind::String, length: 255, nullable: true },
        ],
        one: &[
        ],
        many: &[
            ToMany { name: "datasetTechniques", target: "DatasetTechnique", mapped_by: "technique" },
        ],
        unique: &["name"],
    },
    Entity {
        name: "DatasetTechnique",
        table: "datasettechnique",
        fields: &[
        ],
        one: &[
            ToOne { name: "dataset", column: "dataset_id", target: "Dataset", nullable: false },
            ToOne { name: "technique", column: "technique_id", target: "Technique", nullable: false },
        ],
        many: &[
        ],
        unique: &["dataset", "technique"],
    },
    Entity {
        name: "PermissibleStringValue",
        table: "permissiblestringvalue",
        fields: &[
            Field { name: "value", column: "value", kind: FieldKind::String, length: 255, nullable: false },
        ],
        one: &[
            ToOne { name: "type", column: "parametertype_id", target: "ParameterType", nullable: false },
        ],
        many: &[
        ],
        unique: &["value", "type"],
    },
    Entity {
        name: "Publication",
        table: "publication",
        fields: &[
            Field { name: "doi", column: "doi", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "fullReference", column: "fullreference", kind: FieldKind::String, length: 511, nullable: false },
            Field { name: "repository", column: "repository", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "repositoryId", column: "repositoryid", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "url", column: "url", kind: FieldKind::String, length: 255, nullable: true },
        ],
        one: &[
            ToOne { name: "investigation", column: "investigation_id", target: "Investigation", nullable: false },
        ],
        many: &[
        ],
        unique: &[],
    },
    Entity {
        name: "RelatedDatafile",
        table: "relateddatafile",
        fields: &[
            Field { name: "relation", column: "relation", kind: FieldKind::String, length: 255, nullable: false },
        ],
        one: &[
            ToOne { name: "destDatafile", column: "dest_datafile_id", target: "Datafile", nullable: false },
            ToOne { name: "sourceDatafile", column: "source_datafile_id", target: "Datafile", nullable: false },
        ],
        many: &[
        ],
        unique: &["sourceDatafile", "destDatafile"],
    },
    Entity {
        name: "SampleParameter",
        table: "sampleparameter",
        fields: &[
            Field { name: "dateTimeValue", column: "datetime_value", kind: FieldKind::Date, length: 0, nullable: true },
            Field { name: "error", column: "error", kind: FieldKind::Double, length: 0, nullable: true },
            Field { name: "numericValue", column: "numeric_value", kind: FieldKind::Double, length: 0, nullable: true },
            Field { name: "rangeBottom", column: "rangebottom", kind: FieldKind::Double, length: 0, nullable: true },
            Field { name: "rangeTop", column: "rangetop", kind: FieldKind::Double, length: 0, nullable: true },
            Field { name: "stringValue", column: "string_value", kind: FieldKind::String, length: 4000, nullable: true },
        ],
        one: &[
            ToOne { name: "sample", column: "sample_id", target: "Sample", nullable: false },
            ToOne { name: "type", column: "parameter_type_id", target: "ParameterType", nullable: false },
        ],
        many: &[
        ],
        unique: &["sample", "type"],
    },
    Entity {
        name: "Shift",
        table: "shift",
        fields: &[
            Field { name: "comment", column: "comment", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "endDate", column: "enddate", kind: FieldKind::Date, length: 0, nullable: false },
            Field { name: "startDate", column: "startdate", kind: FieldKind::Date, length: 0, nullable: false },
        ],
        one: &[
            ToOne { name: "instrument", column: "instrument_id", target: "Instrument", nullable: true },
            ToOne { name: "investigation", column: "investigation_id", target: "Investigation", nullable: false },
        ],
        many: &[
        ],
        unique: &["investigation", "startDate", "endDate"],
    },
    Entity {
        name: "Study",
        table: "study",
        fields: &[
            Field { name: "description", column: "description", kind: FieldKind::String, length: 4000, nullable: true },
            Field { name: "endDate", column: "enddate", kind: FieldKind::Date, length: 0, nullable: true },
            Field { name: "name", column: "name", kind: FieldKind::String, length: 255, nullable: false },
            Field { name: "pid", column: "pid", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "startDate", column: "startdate", kind: FieldKind::Date, length: 0, nullable: true },
            Field { name: "status", column: "status", kind: FieldKind::Enum(&STUDY_STATUS), length: 0, nullable: true },
        ],
        one: &[
            ToOne { name: "user", column: "user_id", target: "User", nullable: true },
        ],
        many: &[
            ToMany { name: "studyInvestigations", target: "StudyInvestigation", mapped_by: "study" },
        ],
        unique: &[],
    },
    Entity {
        name: "DataPublicationType",
        table: "datapublicationtype",
        fields: &[
            Field { name: "description", column: "description", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "name", column: "name", kind: FieldKind::String, length: 255, nullable: false },
        ],
        one: &[
            ToOne { name: "facility", column: "facility_id", target: "Facility", nullable: false },
        ],
        many: &[
            ToMany { name: "dataPublications", target: "DataPublication", mapped_by: "type" },
        ],
        unique: &["facility", "name"],
    },
    Entity {
        name: "DataPublication",
        table: "datapublication",
        fields: &[
            Field { name: "description", column: "description", kind: FieldKind::String, length: 4000, nullable: true },
            Field { name: "internalId", column: "internalid", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "pid", column: "pid", kind: FieldKind::String, length: 255, nullable: false },
            Field { name: "publicationDate", column: "publicationdate", kind: FieldKind::Date, length: 0, nullable: true },
            Field { name: "subject", column: "subject", kind: FieldKind::String, length: 1023, nullable: true },
            Field { name: "title", column: "title", kind: FieldKind::String, length: 255, nullable: false },
        ],
        one: &[
            ToOne { name: "content", column: "datacollection_id", target: "DataCollection", nullable: false },
            ToOne { name: "facility", column: "facility_id", target: "Facility", nullable: false },
            ToOne { name: "type", column: "datapublicationtype_id", target: "DataPublicationType", nullable: true },
        ],
        many: &[
            ToMany { name: "dates", target: "DataPublicationDate", mapped_by: "publication" },
            ToMany { name: "fundingReferences", target: "DataPublicationFunding", mapped_by: "dataPublication" },
            ToMany { name: "relatedItems", target: "RelatedItem", mapped_by: "publication" },
            ToMany { name: "subjects", target: "Subject", mapped_by: "dataPublication" },
            ToMany { name: "users", target: "DataPublicationUser", mapped_by: "publication" },
        ],
        unique: &["facility", "pid"],
    },
    Entity {
        name: "Subject",
        table: "subject",
        fields: &[
            Field { name: "classificationCode", column: "classificationcode", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "name", column: "name", kind: FieldKind::String, length: 255, nullable: false },
            Field { name: "pid", column: "pid", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "schemeURI", column: "schemeuri", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "subjectScheme", column: "subjectscheme", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "valueURI", column: "valueuri", kind: FieldKind::String, length: 255, nullable: true },
        ],
        one: &[
            ToOne { name: "dataPublication", column: "datapublication_id", target: "DataPublication", nullable: false },
        ],
        many: &[
        ],
        unique: &["dataPublication", "name"],
    },
    Entity {
        name: "DataPublicationDate",
        table: "datapublicationdate",
        fields: &[
            Field { name: "date", column: "date_", kind: FieldKind::String, length: 255, nullable: false },
            Field { name: "dateType", column: "datetype", kind: FieldKind::String, length: 255, nullable: false },
        ],
        one: &[
            ToOne { name: "publication", column: "datapublication_id", target: "DataPublication", nullable: false },
        ],
        many: &[
        ],
        unique: &["publication", "dateType"],
    },
    Entity {
        name: "DataPublicationUser",
        table: "datapublicationuser",
        fields: &[
            Field { name: "contributorType", column: "contributortype", kind: FieldKind::String, length: 255, nullable: false },
            Field { name: "email", column: "email", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "familyName", column: "familyname", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "fullName", column: "fullname", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "givenName", column: "givenname", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "orderKey", column: "orderkey", kind: FieldKind::String, length: 255, nullable: true },
        ],
        one: &[
            ToOne { name: "publication", column: "datapublication_id", target: "DataPublication", nullable: false },
            ToOne { name: "user", column: "user_id", target: "User", nullable: false },
        ],
        many: &[
            ToMany { name: "affiliations", target: "Affiliation", mapped_by: "user" },
        ],
        unique: &["publication", "user", "contributorType"],
    },
    Entity {
        name: "Affiliation",
        table: "affiliation",
        fields: &[
            Field { name: "fullReference", column: "fullreference", kind: FieldKind::String, length: 1023, nullable: true },
            Field { name: "name", column: "name", kind: FieldKind::String, length: 255, nullable: false },
            Field { name: "pid", column: "pid", kind: FieldKind::String, length: 255, nullable: true },
        ],
        one: &[
            ToOne { name: "user", column: "datapublicationuser_id", target: "DataPublicationUser", nullable: false },
        ],
        many: &[
        ],
        unique: &["user", "name"],
    },
    Entity {
        name: "RelatedItem",
        table: "relateditem",
        fields: &[
            Field { name: "fullReference", column: "fullreference", kind: FieldKind::String, length: 1023, nullable: true },
            Field { name: "identifier", column: "identifier", kind: FieldKind::String, length: 255, nullable: false },
            Field { name: "relatedItemType", column: "relateditemtype", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "relationType", column: "relationtype", kind: FieldKind::String, length: 255, nullable: false },
            Field { name: "title", column: "title", kind: FieldKind::String, length: 255, nullable: true },
        ],
        one: &[
            ToOne { name: "publication", column: "datapublication_id", target: "DataPublication", nullable: false },
        ],
        many: &[
        ],
        unique: &["publication", "identifier"],
    },
    Entity {
        name: "FundingReference",
        table: "fundingreference",
        fields: &[
            Field { name: "acknowledgement", column: "acknowledgement", kind: FieldKind::String, length: 1023, nullable: true },
            Field { name: "awardNumber", column: "awardnumber", kind: FieldKind::String, length: 255, nullable: false },
            Field { name: "awardTitle", column: "awardtitle", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "funderIdentifier", column: "funderidentifier", kind: FieldKind::String, length: 255, nullable: true },
            Field { name: "funderName", column: "fundername", kind: FieldKind::String, length: 255, nullable: false },
        ],
        one: &[
        ],
        many: &[
            ToMany { name: "investigations", target: "InvestigationFunding", mapped_by: "funding" },
            ToMany { name: "publications", target: "DataPublicationFunding", mapped_by: "funding" },
        ],
        unique: &["funderName", "awardNumber"],
    },
    Entity {
        name: "DataPublicationFunding",
        table: "datapublicationfunding",
        fields: &[
        ],
        one: &[
            ToOne { name: "dataPublication", column: "datapublication_id", target: "DataPublication", nullable: false },
            ToOne { name: "funding", column: "funding_id", target: "FundingReference", nullable: false },
        ],
        many: &[
        ],
        unique: &["dataPublication", "funding"],
    },
    Entity {
        name: "InvestigationFunding",
        table: "investigationfunding",
        fields: &[
        ],
        one: &[
            ToOne { name: "funding", column: "funding_id", target: "FundingReference", nullable: false },
            ToOne { name: "investigation", column: "investigation_id", target: "Investigation", nullable: false },
        ],
        many: &[
        ],
        unique: &["investigation", "funding"],
    },
    Entity {
        name: "InvestigationUser",
        table: "investigationuser",
        fields: &[
            Field { name: "role", column: "role", kind: FieldKind::String, length: 255, nullable: false },
        ],
        one: &[
            ToOne { name: "investigation", column: "investigation_id", target: "Investigation", nullable: false },
            ToOne { name: "user", column: "user_id", target: "User", nullable: false },
        ],
        many: &[
        ],
        unique: &["user", "investigation", "role"],
    },
    Entity {
        name: "InvestigationGroup",
        table: "investigationgroup",
        fields: &[
            Field { name: "role", column: "role", kind: FieldKind::String, length: 255, nullable: false },
        ],
        one: &[
            ToOne { name: "grouping", column: "group_id", target: "Grouping", nullable: false },
            ToOne { name: "investigation", column: "investigation_id", target: "Investigation", nullable: false },
        ],
        many: &[
        ],
        unique: &["grouping", "investigation", "role"],
    },
    Entity {
        name: "StudyInvestigation",
        table: "studyinvestigation",
        fields: &[
        ],
        one: &[
            ToOne { name: "investigation", column: "investigation_id", target: "Investigation", nullable: false },
            ToOne { name: "study", column: "study_id", target: "Study", nullable: false },
        ],
        many: &[
        ],
        unique: &["study", "investigation"],
    },
    Entity {
        name: "InvestigationInstrument",
        table: "investigationinstrument",
        fields: &[
        ],
        one: &[
            ToOne { name: "instrument", column: "instrument_id", target: "Instrument", nullable: false },
            ToOne { name: "investigation", column: "investigation_id", target: "Investigation", nullable: false },
        ],
        many: &[
        ],
        unique: &["investigation", "instrument"],
    },
    Entity {
        name: "InstrumentScientist",
        table: "instrumentscientist",
        fields: &[
        ],
        one: &[
            ToOne { name: "instrument", column: "instrument_id", target: "Instrument", nullable: false },
            ToOne { name: "user", column: "user_id", target: "User", nullable: false },
        ],
        many: &[
        ],
        unique: &["user", "instrument"],
    },
    Entity {
        name: "DatasetInstrument",
        table: "datasetinstrument",
        fields: &[
        ],
        one: &[
            ToOne { name: "dataset", column: "dataset_id", target: "Dataset", nullable: false },
            ToOne { name: "instrument", column: "instrument_id", target: "Instrument", nullable: false },
        ],
        many: &[
        ],
        unique: &["dataset", "instrument"],
    },
    Entity {
        name: "InvestigationFacilityCycle",
        table: "investigationfacilitycycle",
        fields: &[
        ],
        one: &[
            ToOne { name: "facilityCycle", column: "facilitycycle_id", target: "FacilityCycle", nullable: false },
            ToOne { name: "investigation", column: "investigation_id", target: "Investigation", nullable: false },
        ],
        many: &[
        ],
        unique: &["facilityCycle", "investigation"],
    },
];
