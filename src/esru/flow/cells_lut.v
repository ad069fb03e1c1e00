// LUTs that synthesis leaves as they are because it finds no more than their name: of no vendor,
// and one that becomes an iCE40's.

module esru_sb_lut4 (input I0, I1, I2, I3, output O);
    parameter [15:0] LUT_INIT = 0;
    wire [3:0] place = {I3, I2, I1, I0};
    assign O = LUT_INIT[place];
endmodule

module esru_lut4 (input I0, I1, I2, I3, output O);
    parameter [15:0] INIT = 0;
    wire [3:0] place = {I3, I2, I1, I0};
    assign O = INIT[place];
endmodule

module esru_lut6 (input I0, I1, I2, I3, I4, I5, output O);
    parameter [63:0] INIT = 0;
    wire [5:0] place = {I5, I4, I3, I2, I1, I0};
    assign O = INIT[place];
endmodule
