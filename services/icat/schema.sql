-- The tables of the entities after all migrations, and the values of enumerated columns, which store the position of a
-- value. Made by `cargo xtask gen`, which compares it with the ICAT schema to write the next migration.
-- enum ParameterValueType: DATE_AND_TIME, NUMERIC, STRING
-- enum StudyStatus: NEW, IN_PROGRESS, COMPLETE, CANCELLED

CREATE TABLE user_ (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    affiliation {text},
    email {text},
    familyname {text},
    fullname {text},
    givenname {text},
    name {text} NOT NULL,
    orcidid {text},
    UNIQUE (name)
);

CREATE TABLE grouping (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    name {text} NOT NULL,
    UNIQUE (name)
);

CREATE TABLE usergroup (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    group_id BIGINT NOT NULL REFERENCES grouping (id),
    user_id BIGINT NOT NULL REFERENCES user_ (id),
    UNIQUE (user_id, group_id)
);
CREATE INDEX usergroup_group_id ON usergroup (group_id);

CREATE TABLE rule_ (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    crudflags {text} NOT NULL,
    what {text} NOT NULL,
    grouping_id BIGINT REFERENCES grouping (id)
);
CREATE INDEX rule__grouping_id ON rule_ (grouping_id);

CREATE TABLE publicstep (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    field {text} NOT NULL,
    origin {text} NOT NULL,
    UNIQUE (origin, field)
);

CREATE TABLE facility (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    daysuntilrelease BIGINT,
    description {text},
    fullname {text},
    name {text} NOT NULL,
    url {text},
    UNIQUE (name)
);

CREATE TABLE datafileformat (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    description {text},
    name {text} NOT NULL,
    type {text},
    version {text} NOT NULL,
    facility_id BIGINT NOT NULL REFERENCES facility (id),
    UNIQUE (facility_id, name, version)
);

CREATE TABLE application (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    name {text} NOT NULL,
    version {text} NOT NULL,
    facility_id BIGINT NOT NULL REFERENCES facility (id),
    UNIQUE (facility_id, name, version)
);

CREATE TABLE instrument (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    description {text},
    enddate BIGINT,
    fullname {text},
    name {text} NOT NULL,
    pid {text},
    startdate BIGINT,
    type {text},
    url {text},
    facility_id BIGINT NOT NULL REFERENCES facility (id),
    UNIQUE (facility_id, name)
);

CREATE TABLE investigationtype (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    description {text},
    name {text} NOT NULL,
    facility_id BIGINT NOT NULL REFERENCES facility (id),
    UNIQUE (name, facility_id)
);
CREATE INDEX investigationtype_facility_id ON investigationtype (facility_id);

CREATE TABLE datasettype (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    description {text},
    name {text} NOT NULL,
    facility_id BIGINT NOT NULL REFERENCES facility (id),
    UNIQUE (facility_id, name)
);

CREATE TABLE parametertype (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    applicabletodatacollection BIGINT NOT NULL DEFAULT 0,
    applicabletodatafile BIGINT NOT NULL DEFAULT 0,
    applicabletodataset BIGINT NOT NULL DEFAULT 0,
    applicabletoinvestigation BIGINT NOT NULL DEFAULT 0,
    applicabletosample BIGINT NOT NULL DEFAULT 0,
    description {text},
    enforced BIGINT NOT NULL DEFAULT 0,
    maximumnumericvalue DOUBLE PRECISION,
    minimumnumericvalue DOUBLE PRECISION,
    name {text} NOT NULL,
    pid {text},
    units {text} NOT NULL,
    unitsfullname {text},
    valuetype BIGINT NOT NULL,
    verified BIGINT NOT NULL DEFAULT 0,
    facility_id BIGINT NOT NULL REFERENCES facility (id),
    UNIQUE (facility_id, name, units)
);

CREATE TABLE sampletype (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    molecularformula {text} NOT NULL,
    name {text} NOT NULL,
    safetyinformation {text},
    facility_id BIGINT NOT NULL REFERENCES facility (id),
    UNIQUE (facility_id, name, molecularformula)
);

CREATE TABLE investigation (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    doi {text},
    enddate BIGINT,
    filecount BIGINT,
    filesize BIGINT,
    name {text} NOT NULL,
    releasedate BIGINT,
    startdate BIGINT,
    summary {text},
    title {text} NOT NULL,
    visit_id {text} NOT NULL,
    facility_id BIGINT NOT NULL REFERENCES facility (id),
    type_id BIGINT NOT NULL REFERENCES investigationtype (id),
    UNIQUE (facility_id, name, visit_id)
);
CREATE INDEX investigation_type_id ON investigation (type_id);

CREATE TABLE sample (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    name {text} NOT NULL,
    pid {text},
    investigation_id BIGINT NOT NULL REFERENCES investigation (id),
    sampletype_id BIGINT REFERENCES sampletype (id),
    UNIQUE (investigation_id, name)
);
CREATE INDEX sample_sampletype_id ON sample (sampletype_id);

CREATE TABLE dataset (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    complete BIGINT NOT NULL DEFAULT 0,
    description {text},
    doi {text},
    end_date BIGINT,
    filecount BIGINT,
    filesize BIGINT,
    location {text},
    name {text} NOT NULL,
    startdate BIGINT,
    investigation_id BIGINT NOT NULL REFERENCES investigation (id),
    sample_id BIGINT REFERENCES sample (id),
    type_id BIGINT NOT NULL REFERENCES datasettype (id),
    UNIQUE (investigation_id, name)
);
CREATE INDEX dataset_sample_id ON dataset (sample_id);
CREATE INDEX dataset_type_id ON dataset (type_id);

CREATE TABLE datafile (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    checksum {text},
    datafilecreatetime BIGINT,
    datafilemodtime BIGINT,
    description {text},
    doi {text},
    filesize BIGINT,
    location {text},
    name {text} NOT NULL,
    datafileformat_id BIGINT REFERENCES datafileformat (id),
    dataset_id BIGINT NOT NULL REFERENCES dataset (id),
    UNIQUE (dataset_id, name)
);
CREATE INDEX datafile_datafileformat_id ON datafile (datafileformat_id);

CREATE TABLE facilitycycle (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    description {text},
    enddate BIGINT,
    name {text} NOT NULL,
    startdate BIGINT,
    facility_id BIGINT NOT NULL REFERENCES facility (id),
    UNIQUE (facility_id, name)
);

CREATE TABLE datacollection (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    doi {text}
);

CREATE TABLE datacollectiondatafile (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    datacollection_id BIGINT NOT NULL REFERENCES datacollection (id),
    datafile_id BIGINT NOT NULL REFERENCES datafile (id),
    UNIQUE (datacollection_id, datafile_id)
);
CREATE INDEX datacollectiondatafile_datafile_id ON datacollectiondatafile (datafile_id);

CREATE TABLE datacollectiondataset (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    datacollection_id BIGINT NOT NULL REFERENCES datacollection (id),
    dataset_id BIGINT NOT NULL REFERENCES dataset (id),
    UNIQUE (datacollection_id, dataset_id)
);
CREATE INDEX datacollectiondataset_dataset_id ON datacollectiondataset (dataset_id);

CREATE TABLE datacollectioninvestigation (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    datacollection_id BIGINT NOT NULL REFERENCES datacollection (id),
    investigation_id BIGINT NOT NULL REFERENCES investigation (id),
    UNIQUE (datacollection_id, investigation_id)
);
CREATE INDEX datacollectioninvestigation_investigation_id ON datacollectioninvestigation (investigation_id);

CREATE TABLE datacollectionparameter (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    datetime_value BIGINT,
    error DOUBLE PRECISION,
    numeric_value DOUBLE PRECISION,
    rangebottom DOUBLE PRECISION,
    rangetop DOUBLE PRECISION,
    string_value {text},
    datacollection_id BIGINT NOT NULL REFERENCES datacollection (id),
    parameter_type_id BIGINT NOT NULL REFERENCES parametertype (id),
    UNIQUE (datacollection_id, parameter_type_id)
);
CREATE INDEX datacollectionparameter_parameter_type_id ON datacollectionparameter (parameter_type_id);

CREATE TABLE datafileparameter (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    datetime_value BIGINT,
    error DOUBLE PRECISION,
    numeric_value DOUBLE PRECISION,
    rangebottom DOUBLE PRECISION,
    rangetop DOUBLE PRECISION,
    string_value {text},
    datafile_id BIGINT NOT NULL REFERENCES datafile (id),
    parameter_type_id BIGINT NOT NULL REFERENCES parametertype (id),
    UNIQUE (datafile_id, parameter_type_id)
);
CREATE INDEX datafileparameter_parameter_type_id ON datafileparameter (parameter_type_id);

CREATE TABLE datasetparameter (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    datetime_value BIGINT,
    error DOUBLE PRECISION,
    numeric_value DOUBLE PRECISION,
    rangebottom DOUBLE PRECISION,
    rangetop DOUBLE PRECISION,
    string_value {text},
    dataset_id BIGINT NOT NULL REFERENCES dataset (id),
    parameter_type_id BIGINT NOT NULL REFERENCES parametertype (id),
    UNIQUE (dataset_id, parameter_type_id)
);
CREATE INDEX datasetparameter_parameter_type_id ON datasetparameter (parameter_type_id);

CREATE TABLE investigationparameter (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    datetime_value BIGINT,
    error DOUBLE PRECISION,
    numeric_value DOUBLE PRECISION,
    rangebottom DOUBLE PRECISION,
    rangetop DOUBLE PRECISION,
    string_value {text},
    investigation_id BIGINT NOT NULL REFERENCES investigation (id),
    parameter_type_id BIGINT NOT NULL REFERENCES parametertype (id),
    UNIQUE (investigation_id, parameter_type_id)
);
CREATE INDEX investigationparameter_parameter_type_id ON investigationparameter (parameter_type_id);

CREATE TABLE job (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    arguments {text},
    application_id BIGINT NOT NULL REFERENCES application (id),
    inputdatacollection_id BIGINT REFERENCES datacollection (id),
    outputdatacollection_id BIGINT REFERENCES datacollection (id)
);
CREATE INDEX job_application_id ON job (application_id);
CREATE INDEX job_inputdatacollection_id ON job (inputdatacollection_id);
CREATE INDEX job_outputdatacollection_id ON job (outputdatacollection_id);

CREATE TABLE keyword (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    name {text} NOT NULL,
    investigation_id BIGINT NOT NULL REFERENCES investigation (id),
    UNIQUE (name, investigation_id)
);
CREATE INDEX keyword_investigation_id ON keyword (investigation_id);

CREATE TABLE technique (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    description {text},
    name {text} NOT NULL,
    pid {text},
    UNIQUE (name)
);

CREATE TABLE datasettechnique (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    dataset_id BIGINT NOT NULL REFERENCES dataset (id),
    technique_id BIGINT NOT NULL REFERENCES technique (id),
    UNIQUE (dataset_id, technique_id)
);
CREATE INDEX datasettechnique_technique_id ON datasettechnique (technique_id);

CREATE TABLE permissiblestringvalue (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    value {text} NOT NULL,
    parametertype_id BIGINT NOT NULL REFERENCES parametertype (id),
    UNIQUE (value, parametertype_id)
);
CREATE INDEX permissiblestringvalue_parametertype_id ON permissiblestringvalue (parametertype_id);

CREATE TABLE publication (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    doi {text},
    fullreference {text} NOT NULL,
    repository {text},
    repositoryid {text},
    url {text},
    investigation_id BIGINT NOT NULL REFERENCES investigation (id)
);
CREATE INDEX publication_investigation_id ON publication (investigation_id);

CREATE TABLE relateddatafile (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    relation {text} NOT NULL,
    dest_datafile_id BIGINT NOT NULL REFERENCES datafile (id),
    source_datafile_id BIGINT NOT NULL REFERENCES datafile (id),
    UNIQUE (source_datafile_id, dest_datafile_id)
);
CREATE INDEX relateddatafile_dest_datafile_id ON relateddatafile (dest_datafile_id);

CREATE TABLE sampleparameter (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    datetime_value BIGINT,
    error DOUBLE PRECISION,
    numeric_value DOUBLE PRECISION,
    rangebottom DOUBLE PRECISION,
    rangetop DOUBLE PRECISION,
    string_value {text},
    sample_id BIGINT NOT NULL REFERENCES sample (id),
    parameter_type_id BIGINT NOT NULL REFERENCES parametertype (id),
    UNIQUE (sample_id, parameter_type_id)
);
CREATE INDEX sampleparameter_parameter_type_id ON sampleparameter (parameter_type_id);

CREATE TABLE shift (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    comment {text},
    enddate BIGINT NOT NULL,
    startdate BIGINT NOT NULL,
    instrument_id BIGINT REFERENCES instrument (id),
    investigation_id BIGINT NOT NULL REFERENCES investigation (id),
    UNIQUE (investigation_id, startdate, enddate)
);
CREATE INDEX shift_instrument_id ON shift (instrument_id);

CREATE TABLE study (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    description {text},
    enddate BIGINT,
    name {text} NOT NULL,
    pid {text},
    startdate BIGINT,
    status BIGINT,
    user_id BIGINT REFERENCES user_ (id)
);
CREATE INDEX study_user_id ON study (user_id);

CREATE TABLE datapublicationtype (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    description {text},
    name {text} NOT NULL,
    facility_id BIGINT NOT NULL REFERENCES facility (id),
    UNIQUE (facility_id, name)
);

CREATE TABLE datapublication (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    description {text},
    internalid {text},
    pid {text} NOT NULL,
    publicationdate BIGINT,
    subject {text},
    title {text} NOT NULL,
    datacollection_id BIGINT NOT NULL REFERENCES datacollection (id),
    facility_id BIGINT NOT NULL REFERENCES facility (id),
    datapublicationtype_id BIGINT REFERENCES datapublicationtype (id),
    UNIQUE (facility_id, pid)
);
CREATE INDEX datapublication_datacollection_id ON datapublication (datacollection_id);
CREATE INDEX datapublication_datapublicationtype_id ON datapublication (datapublicationtype_id);

CREATE TABLE subject (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    classificationcode {text},
    name {text} NOT NULL,
    pid {text},
    schemeuri {text},
    subjectscheme {text},
    valueuri {text},
    datapublication_id BIGINT NOT NULL REFERENCES datapublication (id),
    UNIQUE (datapublication_id, name)
);

CREATE TABLE datapublicationdate (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    date_ {text} NOT NULL,
    datetype {text} NOT NULL,
    datapublication_id BIGINT NOT NULL REFERENCES datapublication (id),
    UNIQUE (datapublication_id, datetype)
);

CREATE TABLE datapublicationuser (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    contributortype {text} NOT NULL,
    email {text},
    familyname {text},
    fullname {text},
    givenname {text},
    orderkey {text},
    datapublication_id BIGINT NOT NULL REFERENCES datapublication (id),
    user_id BIGINT NOT NULL REFERENCES user_ (id),
    UNIQUE (datapublication_id, user_id, contributortype)
);
CREATE INDEX datapublicationuser_user_id ON datapublicationuser (user_id);

CREATE TABLE affiliation (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    fullreference {text},
    name {text} NOT NULL,
    pid {text},
    datapublicationuser_id BIGINT NOT NULL REFERENCES datapublicationuser (id),
    UNIQUE (datapublicationuser_id, name)
);

CREATE TABLE relateditem (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    fullreference {text},
    identifier {text} NOT NULL,
    relateditemtype {text},
    relationtype {text} NOT NULL,
    title {text},
    datapublication_id BIGINT NOT NULL REFERENCES datapublication (id),
    UNIQUE (datapublication_id, identifier)
);

CREATE TABLE fundingreference (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    acknowledgement {text},
    awardnumber {text} NOT NULL,
    awardtitle {text},
    funderidentifier {text},
    fundername {text} NOT NULL,
    UNIQUE (fundername, awardnumber)
);

CREATE TABLE datapublicationfunding (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    datapublication_id BIGINT NOT NULL REFERENCES datapublication (id),
    funding_id BIGINT NOT NULL REFERENCES fundingreference (id),
    UNIQUE (datapublication_id, funding_id)
);
CREATE INDEX datapublicationfunding_funding_id ON datapublicationfunding (funding_id);

CREATE TABLE investigationfunding (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    funding_id BIGINT NOT NULL REFERENCES fundingreference (id),
    investigation_id BIGINT NOT NULL REFERENCES investigation (id),
    UNIQUE (investigation_id, funding_id)
);
CREATE INDEX investigationfunding_funding_id ON investigationfunding (funding_id);

CREATE TABLE investigationuser (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    role {text} NOT NULL,
    investigation_id BIGINT NOT NULL REFERENCES investigation (id),
    user_id BIGINT NOT NULL REFERENCES user_ (id),
    UNIQUE (user_id, investigation_id, role)
);
CREATE INDEX investigationuser_investigation_id ON investigationuser (investigation_id);

CREATE TABLE investigationgroup (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    role {text} NOT NULL,
    group_id BIGINT NOT NULL REFERENCES grouping (id),
    investigation_id BIGINT NOT NULL REFERENCES investigation (id),
    UNIQUE (group_id, investigation_id, role)
);
CREATE INDEX investigationgroup_investigation_id ON investigationgroup (investigation_id);

CREATE TABLE studyinvestigation (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    investigation_id BIGINT NOT NULL REFERENCES investigation (id),
    study_id BIGINT NOT NULL REFERENCES study (id),
    UNIQUE (study_id, investigation_id)
);
CREATE INDEX studyinvestigation_investigation_id ON studyinvestigation (investigation_id);

CREATE TABLE investigationinstrument (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    instrument_id BIGINT NOT NULL REFERENCES instrument (id),
    investigation_id BIGINT NOT NULL REFERENCES investigation (id),
    UNIQUE (investigation_id, instrument_id)
);
CREATE INDEX investigationinstrument_instrument_id ON investigationinstrument (instrument_id);

CREATE TABLE instrumentscientist (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    instrument_id BIGINT NOT NULL REFERENCES instrument (id),
    user_id BIGINT NOT NULL REFERENCES user_ (id),
    UNIQUE (user_id, instrument_id)
);
CREATE INDEX instrumentscientist_instrument_id ON instrumentscientist (instrument_id);

CREATE TABLE datasetinstrument (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    dataset_id BIGINT NOT NULL REFERENCES dataset (id),
    instrument_id BIGINT NOT NULL REFERENCES instrument (id),
    UNIQUE (dataset_id, instrument_id)
);
CREATE INDEX datasetinstrument_instrument_id ON datasetinstrument (instrument_id);

CREATE TABLE investigationfacilitycycle (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    facilitycycle_id BIGINT NOT NULL REFERENCES facilitycycle (id),
    investigation_id BIGINT NOT NULL REFERENCES investigation (id),
    UNIQUE (facilitycycle_id, investigation_id)
);
CREATE INDEX investigationfacilitycycle_investigation_id ON investigationfacilitycycle (investigation_id);
